import type { AttributeSet } from '../../../protocols/envelope/attributes.ts'
import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { MeshError, RemoteError, toRemoteShape } from '../../../protocols/errors.ts'
import type { Due } from '../../core/delivery/deadlines.ts'
import type { Enlisted } from '../../core/delivery/roster.ts'
import { type Composer, Draft } from './composer.ts'
import type { LocalBus } from './local-bus.ts'
import { PartReader } from './part-reader.ts'
import { PartWindow } from './part-window.ts'
import type { ServedCall } from './served-call.ts'

/** A part of a local stream counts as this many bytes: a guess, since nobody measures what is not encoded. */
const PART_BYTES = 1024

/** A request between agents of one node: both ends of the call in one object. */
export class LocalCall implements ServedCall, Due, Enlisted {
  readonly message: WireMessage
  readonly peer: string
  readonly stream: boolean
  readonly bytes = 256
  at: number
  slot = -1
  place = -1
  over = false
  onCancel: (() => void) | undefined
  /** Called when the call is over, however it ended: set by whoever feeds the request's own stream. */
  onOver: (() => void) | undefined
  /** The client's end, where it asked for a stream. */
  readonly reader: PartReader | undefined
  readonly #composer: Composer
  readonly #bus: LocalBus
  readonly #reply = Promise.withResolvers<WireMessage>()
  readonly #settled: (call: LocalCall) => void
  /** Of its stream, where it has one. */
  readonly #window: PartWindow | undefined
  #abort: AbortController | undefined
  #reason: unknown

  constructor(
    message: WireMessage,
    self: string,
    stream: boolean,
    at: number,
    composer: Composer,
    bus: LocalBus,
    settled: (call: LocalCall) => void
  ) {
    this.message = message
    this.peer = self
    this.stream = stream
    this.at = at
    this.#composer = composer
    this.#bus = bus
    this.#settled = settled
    if (stream) {
      const window = new PartWindow()
      const cancel = (): void => this.cancel(new MeshError('ERR_ABORTED', 'the caller waits no longer'))
      this.reader = new PartReader((parts, bytes) => window.raise(parts, bytes), cancel)
      this.#window = window
    }
  }

  get target(): string {
    return this.message.attributes.routing?.target ?? ''
  }
  get instance(): string | undefined {
    return this.message.attributes.routing?.instance
  }
  get deadline(): number | undefined {
    return this.at === Number.POSITIVE_INFINITY ? undefined : this.at
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.over) this.#abort.abort(this.#why)
    }
    return this.#abort.signal
  }

  /** Why the call is over; made when it is asked for, since most calls end well and nobody asks. */
  get #why(): unknown {
    return (this.#reason ??= new MeshError('ERR_ABORTED', 'the call is over'))
  }

  /** The client's promise, where it asked for one reply. */
  get answer(): Promise<WireMessage> {
    return this.#reply.promise
  }

  release(): void {}

  reply(attributes: AttributeSet, data: unknown): void {
    if (this.over) return
    const message = this.#message(attributes, data)
    this.#finish()
    this.#bus.post(() => this.#reply.resolve(message))
  }

  room(): Promise<void> | undefined {
    return this.over || this.#window?.open !== false ? undefined : this.#window.wait()
  }

  part(attributes: AttributeSet, data: unknown): void {
    if (this.over) return
    const message = this.#message(attributes, data)
    this.#window?.spend(PART_BYTES)
    this.#bus.post(() => this.reader?.push(message, PART_BYTES))
  }

  end(): void {
    if (this.over) return
    this.#finish()
    this.#bus.post(() => this.reader?.end())
  }

  /** The error crosses as it would a link: class, code and message, never a stack. */
  fail(error: unknown, thrown = false): void {
    if (this.over) return
    this.#finish()
    const remote = new RemoteError({ ...toRemoteShape(error), thrown })
    this.#bus.post(() => this.#reject(remote))
  }

  /** The client waits no longer. `told`: what it hears, where that is not what the handler hears. */
  cancel(reason: MeshError, told: unknown = reason): void {
    if (this.over) return
    this.#reason = reason
    this.#finish()
    this.#abort?.abort(reason)
    this.onCancel?.()
    this.#reject(told)
  }

  #reject(error: unknown): void {
    if (this.reader === undefined) this.#reply.reject(error)
    else this.reader.fail(error)
  }

  #message(attributes: AttributeSet, data: unknown): WireMessage {
    const draft = new Draft(attributes)
    this.#composer.stamp(draft, attributes)
    return this.#composer.local(draft, data).answers(this.message)
  }

  #finish(): void {
    this.over = true
    this.#window?.close(this.#why)
    this.onOver?.()
    this.#settled(this)
  }
}
