import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { MeshError, RemoteError, toRemoteShape } from '../../../protocols/errors.ts'
import { flowOf, type Place } from '../../../protocols/point-to-point/codec.ts'
import type { Tracked } from './conversation.ts'
import type { Inbound } from './inbound.ts'
import type { PausedFlows } from './paused-flows.ts'
import type { PausedSenders } from './paused-senders.ts'

/** What a message fills until it is settled, or queued where a bound of its own holds. */
export interface Window {
  leave(): void
}

/** A message from an agent of this node, or one that was sent on within it. */
export class LocalInbound implements Inbound {
  readonly message: WireMessage
  readonly peer: string
  readonly attempt: number
  /** A guess: nobody measures what is not encoded. */
  readonly bytes = 256
  readonly orphaned = false
  /** What it is recognised by when it comes twice. */
  readonly place: Place | undefined
  readonly #tracked: Tracked | undefined
  readonly #paused: PausedFlows
  readonly #self: string
  #window: Window | undefined

  constructor(
    message: WireMessage,
    self: string,
    attempt: number,
    tracked: Tracked | undefined,
    paused: PausedFlows,
    place?: Place,
    window?: Window,
    from = self
  ) {
    this.#window = window
    this.place = place
    this.message = message
    this.peer = from
    this.#self = self
    this.attempt = attempt
    this.#tracked = tracked
    this.#paused = paused
  }

  get target(): string {
    return this.message.attributes.routing?.target ?? ''
  }
  get instance(): string | undefined {
    return this.message.attributes.routing?.instance
  }
  /** Its sender keeps it until it is acknowledged, or its window is filled by it. */
  get bounded(): boolean {
    return this.#tracked !== undefined || this.#window !== undefined
  }
  get timeout(): number | undefined {
    return this.#tracked?.timeout
  }

  detach(): void {}
  release(): void {
    this.#window?.leave()
    this.#window = undefined
  }

  done(): void {
    this.release()
    this.#tracked?.acknowledged()
  }

  /** It was handled before. */
  again(): void {
    this.#tracked?.recognised()
  }

  refuse(error: unknown, delay?: number, thrown = false): void {
    this.release()
    // As over a link: whatever was thrown is an error with class, code and message.
    const own = !thrown && error instanceof MeshError
    this.#tracked?.failed(own ? error : new RemoteError({ ...toRemoteShape(error), thrown }), delay)
  }

  pause(paused: PausedSenders): void {
    const peer = this.#self
    const flow = flowOf(this.target, this.message.type)
    this.#paused.pause(peer, flow, paused)
    paused.add(this.#paused, flow, () => this.#paused.resume(peer, flow, paused))
  }
}
