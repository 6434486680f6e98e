import { MeshError } from '../../protocols/errors.ts'
import type { Channel } from '../runtime/ports.ts'

/** Written bytes that the far end's owner has not seen yet: above this, `write` asks to wait. Yamux's window. */
const HIGH_WATER = 256 * 1_024
/** `onDrain` comes when no more than this is left. A guess: half the window. */
const LOW_WATER = HIGH_WATER / 2

/** What a channel's end asks of the connection underneath. */
export interface Carrier {
  /** Brings bytes, or a signal without bytes, to the far side, in order. */
  carry(event: string, protocol: string, bytes: Uint8Array | undefined, arrive: () => void): void
  /** Where to split a write of so many bytes; 0 where it stays whole. */
  splitAt(bytes: number): number
  /** This end is done with. */
  forget(channel: SimulatedChannel): void
}

const ignore = (): void => {}

type State = 'open' | 'closing' | 'closed'

/** One end of a channel. The two ends know each other; all they say to each other goes by the carrier. */
export class SimulatedChannel implements Channel {
  readonly peer: string
  readonly protocol: string
  readonly direction: 'inbound' | 'outbound'
  onDrain: () => void = ignore
  #onBytes: ((chunk: Uint8Array) => void) | undefined
  #onClose: ((error?: Error) => void) | undefined

  readonly #carrier: Carrier
  #far!: SimulatedChannel
  #state: State = 'open'
  #inbox: Uint8Array[] = []
  #paused = false
  #pumping = false
  /** The far end closed in good order; that counts once the inbox is empty. */
  #farClosed = false
  /** Written here, not yet handed to the far end's owner. */
  #outstanding = 0
  #full = false
  /** How it ended, until the owner was told. */
  #untold: { error: Error | undefined } | undefined
  readonly #ended = Promise.withResolvers<void>()

  constructor(carrier: Carrier, peer: string, protocol: string, direction: 'inbound' | 'outbound') {
    this.#carrier = carrier
    this.peer = peer
    this.protocol = protocol
    this.direction = direction
  }

  static join(a: SimulatedChannel, b: SimulatedChannel): void {
    a.#far = b
    b.#far = a
  }

  get onBytes(): (chunk: Uint8Array) => void {
    return this.#onBytes ?? ignore
  }

  /** Bytes that came before there was an owner have waited for it. */
  set onBytes(take: (chunk: Uint8Array) => void) {
    this.#onBytes = take
    if (this.#inbox.length > 0 || this.#farClosed) queueMicrotask(() => this.#pump())
  }

  get onClose(): (error?: Error) => void {
    return this.#onClose ?? ignore
  }

  set onClose(tell: (error?: Error) => void) {
    this.#onClose = tell
    if (this.#untold !== undefined) queueMicrotask(() => this.#tell())
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return true
    if (bytes.length === 0) return !this.#full
    this.#outstanding += bytes.length
    const split = this.#carrier.splitAt(bytes.length)
    if (split > 0) this.#send(bytes.subarray(0, split))
    this.#send(bytes.subarray(split))
    this.#full = this.#outstanding > HIGH_WATER
    return !this.#full
  }

  /** A copy travels: the sender may give its memory back. */
  #send(given: Uint8Array): void {
    const bytes = new Uint8Array(given)
    this.#carrier.carry('data', this.protocol, bytes, () => this.#far.#receive(bytes))
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#pump()
  }

  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing'
      this.#carrier.carry('close', this.protocol, undefined, () => {
        this.#far.#farClosed = true
        this.#far.#pump()
        this.end()
      })
    }
    return this.#ended.promise
  }

  abort(error: Error): void {
    if (this.#state === 'closed') return
    this.#carrier.carry('reset', this.protocol, undefined, () => {
      this.#far.end(new MeshError('ERR_LINK_CLOSED', `reset by the peer: ${this.protocol}`))
    })
    this.end(error)
  }

  /** Ends this side alone: the connection went, or the far end said so. */
  end(error?: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#inbox = []
    this.#carrier.forget(this)
    this.#ended.resolve()
    this.#untold = { error }
    this.#tell()
  }

  #tell(): void {
    if (this.#untold === undefined || this.#onClose === undefined) return
    const { error } = this.#untold
    this.#untold = undefined
    this.#onClose(error)
  }

  #receive(bytes: Uint8Array): void {
    if (this.#state !== 'open') return
    this.#inbox.push(bytes)
    this.#pump()
  }

  #pump(): void {
    if (this.#pumping || this.#onBytes === undefined) return
    this.#pumping = true
    try {
      while (!this.#paused && this.#state === 'open') {
        const chunk = this.#inbox.shift()
        if (chunk === undefined) break
        this.#far.#consumed(chunk.length)
        this.#onBytes(chunk)
      }
    } finally {
      this.#pumping = false
    }
    if (this.#farClosed && this.#inbox.length === 0) this.end()
  }

  /** The far end's owner has seen so many bytes; word of it travels back only where somebody waits for it. */
  #consumed(bytes: number): void {
    this.#outstanding -= bytes
    if (!this.#full || this.#outstanding > LOW_WATER) return
    this.#full = false
    this.#far.#carrier.carry('window', this.protocol, undefined, () => {
      if (this.#state === 'open') this.onDrain()
    })
  }
}
