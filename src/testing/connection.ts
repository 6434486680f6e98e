import { MeshError } from '../../protocols/errors.ts'
import type { Timer } from '../runtime/ports.ts'
import { type Carrier, SimulatedChannel } from './channel.ts'
import type { Medium } from './medium.ts'
import { Pipe } from './pipe.ts'

/** What a connection asks of the host at either end. */
export interface Endpoint {
  readonly label: string
  readonly peer: string
  acceptor(protocol: string): ((channel: SimulatedChannel) => void) | undefined
  /** From now on this host knows of the connection. */
  attached(connection: Connection): void
  /** The connection is gone, as far as this host knows. */
  detached(connection: Connection): void
}

/** How one host sees a connection: its way out, and its ends of the channels. */
class Side implements Carrier {
  readonly host: Endpoint
  readonly pipe: Pipe
  readonly channels = new Set<SimulatedChannel>()
  readonly attached = Promise.withResolvers<void>()
  up = false
  readonly #medium: Medium
  readonly #to: string

  constructor(medium: Medium, host: Endpoint, to: Endpoint) {
    this.#medium = medium
    this.host = host
    this.#to = to.label
    this.pipe = new Pipe(medium, host.label, to.label)
    this.attached.promise.catch(() => undefined)
  }

  carry(event: string, protocol: string, bytes: Uint8Array | undefined, arrive: () => void): void {
    this.pipe.send(bytes?.length ?? 0, () => {
      this.#medium.trace.add(this.#medium.time.now, this.host.label, this.#to, event, protocol, bytes)
      arrive()
    })
  }

  splitAt(bytes: number): number {
    const { random, conditions } = this.#medium
    if (bytes < 2 || conditions.fragmentation === 0 || random() >= conditions.fragmentation) return 0
    return 1 + Math.floor(random() * (bytes - 1))
  }

  forget(channel: SimulatedChannel): void {
    this.channels.delete(channel)
  }
}

/**
 * What two hosts share once one has dialled the other: two pipes, and the channels over them. Each side learns of its
 * beginning and its end in its own time.
 */
export class Connection {
  readonly #medium: Medium
  readonly #dialler: Side
  readonly #listener: Side
  #over = false
  #stalled: Timer | undefined

  constructor(medium: Medium, dialler: Endpoint, listener: Endpoint) {
    this.#medium = medium
    this.#dialler = new Side(medium, dialler, listener)
    this.#listener = new Side(medium, listener, dialler)
  }

  /** True from the moment when either side gave it up: who dials now gets a new one. */
  get over(): boolean {
    return this.#over
  }

  /** The listener knows at once, the dialler when word of it has come back. */
  establish(): void {
    this.#listener.carry('connect', '-', undefined, () => this.#attach(this.#dialler))
    this.#attach(this.#listener)
  }

  /** Resolves when this host knows of the connection; rejects when it will never come. */
  attached(host: Endpoint): Promise<void> {
    return this.#near(host).attached.promise
  }

  /** The host at the other end. */
  peerOf(host: Endpoint): Endpoint {
    return this.#far(host).host
  }

  /** Resolves with the near end once the far host has accepted. */
  open(host: Endpoint, protocol: string): Promise<SimulatedChannel> {
    const [near, far] = [this.#near(host), this.#far(host)]
    const opened = Promise.withResolvers<SimulatedChannel>()
    const channel = new SimulatedChannel(near, far.host.peer, protocol, 'outbound')
    channel.onClose = (error) => opened.reject(error ?? gone(`hung up while ${protocol} was opened`))
    near.channels.add(channel)
    near.carry('open', protocol, undefined, () => {
      const accept = far.host.acceptor(protocol)
      const answer = (event: string, then: () => void) => far.carry(event, protocol, undefined, then)
      if (accept === undefined) {
        answer('refuse', () =>
          channel.end(new MeshError('ERR_UNSUPPORTED', `${far.host.label} does not speak ${protocol}`))
        )
        return
      }
      const remote = new SimulatedChannel(far, near.host.peer, protocol, 'inbound')
      SimulatedChannel.join(channel, remote)
      far.channels.add(remote)
      answer('accept', () => {
        opened.resolve(channel)
      })
      accept(remote)
    })
    return opened.promise
  }

  /** A message beside the channels: what other parts of the simulated network tell each other. */
  carry(from: Endpoint, event: string, protocol: string, arrive: () => void): void {
    this.#near(from).carry(event, protocol, undefined, arrive)
  }

  /** In good order: the other side hears of it behind everything that was sent before. */
  hangUp(host: Endpoint): void {
    this.#over = true
    const [near, far] = [this.#near(host), this.#far(host)]
    near.carry('hang-up', '-', undefined, () => {
      this.#detach(far)
      this.#silence()
    })
    this.#detach(near)
  }

  /** This host alone sees it break. */
  lose(host: Endpoint, reason: string): void {
    this.#over = true
    this.#detach(this.#near(host), gone(reason))
  }

  /**
   * The host is no more, and nothing runs there. Its operating system tells the other side, unless the whole machine
   * went: then nobody does, until the time-out.
   */
  vanish(host: Endpoint, silent: boolean): void {
    this.#over = true
    const [near, far] = [this.#near(host), this.#far(host)]
    near.up = false
    far.pipe.shut()
    if (silent) {
      near.pipe.shut()
      this.#giveUpLater()
    } else near.carry('reset', '-', undefined, () => this.#detach(far, gone('the process at the other end is gone')))
    near.pipe.refuse()
  }

  /** Nothing gets through from now on; after the time-out both sides give up. */
  stall(): void {
    this.#stalled ??= this.#giveUpLater()
  }

  recover(): void {
    this.#stalled?.cancel()
    this.#stalled = undefined
    this.#dialler.pipe.recover()
    this.#listener.pipe.recover()
  }

  #near(host: Endpoint): Side {
    return host === this.#dialler.host ? this.#dialler : this.#listener
  }

  #far(host: Endpoint): Side {
    return host === this.#dialler.host ? this.#listener : this.#dialler
  }

  #attach(side: Side): void {
    side.up = true
    side.host.attached(this)
    if (side.up) side.attached.resolve()
  }

  #detach(side: Side, error?: Error): void {
    side.attached.reject(error ?? gone('hung up'))
    if (!side.up) return
    side.up = false
    for (const channel of [...side.channels]) channel.end(error)
    side.host.detached(this)
  }

  #giveUpLater(): Timer {
    const { time, conditions } = this.#medium
    return time.at(time.now + conditions.timeout, () => {
      this.#over = true
      this.#silence()
      for (const side of [this.#dialler, this.#listener]) this.#detach(side, gone('timed out'))
    })
  }

  #silence(): void {
    this.#dialler.pipe.shut()
    this.#listener.pipe.shut()
  }
}

function gone(reason: string): MeshError {
  return new MeshError('ERR_LINK_CLOSED', `connection lost: ${reason}`)
}
