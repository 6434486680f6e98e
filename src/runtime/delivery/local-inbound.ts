import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import type { Tracked } from './conversation.ts'
import type { Inbound, PausedSenders } from './inbound.ts'
import type { PausedTargets } from './paused-targets.ts'

/** A message from an agent of this node. */
export class LocalInbound implements Inbound {
  readonly message: WireMessage
  readonly peer: string
  readonly attempt: number
  /** A guess: nobody measures what is not encoded. */
  readonly bytes = 256
  readonly bounded = false
  readonly orphaned = false
  readonly #tracked: Tracked | undefined
  readonly #paused: PausedTargets

  constructor(
    message: WireMessage,
    self: string,
    attempt: number,
    tracked: Tracked | undefined,
    paused: PausedTargets
  ) {
    this.message = message
    this.peer = self
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
  get timeout(): number | undefined {
    return this.#tracked?.timeout
  }

  detach(): void {}
  release(): void {}

  done(): void {
    this.#tracked?.acknowledged()
  }

  refuse(error: unknown, delay?: number): void {
    this.#tracked?.failed(error, delay)
  }

  pause(paused: PausedSenders): void {
    const { peer, target } = this
    this.#paused.pause(peer, target)
    paused.set(this.#paused, () => this.#paused.resume(peer, target))
  }
}
