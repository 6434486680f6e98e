import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import type { Place } from '../../../protocols/point-to-point/codec.ts'
import type { Change } from '../storage/types.ts'
import type { Inbound } from './inbound.ts'

/**
 * A message that was on disk meanwhile: what it says was read from there, how it ends is told to whoever still waits for
 * that. `first` is undefined where nobody does.
 */
export class RestoredInbound implements Inbound {
  readonly message: WireMessage
  readonly peer: string
  readonly bytes: number
  /** It fills nobody's window any more. */
  readonly bounded = false
  readonly #first: Inbound | undefined

  constructor(message: WireMessage, peer: string, bytes: number, first: Inbound | undefined) {
    this.message = message
    this.peer = peer
    this.bytes = bytes
    this.#first = first
  }

  get target(): string {
    return this.message.attributes.routing?.target ?? ''
  }
  get instance(): string | undefined {
    return this.message.attributes.routing?.instance
  }
  get place(): Place | undefined {
    return this.#first?.place
  }
  get attempt(): number {
    return this.#first?.attempt ?? 1
  }
  get timeout(): number | undefined {
    return this.#first?.timeout
  }
  get orphaned(): boolean {
    return this.#first?.orphaned ?? false
  }
  get commit(): ((changes: readonly Change[]) => Promise<void>) | undefined {
    const first = this.#first
    return first?.commit === undefined ? undefined : (changes) => first.commit!(changes)
  }

  detach(): void {}
  release(): void {}
  pause(): void {}

  done(): void {
    this.#first?.done()
  }

  again(): void {
    this.#first?.again()
  }

  refuse(error: unknown, delay?: number, thrown = false): void {
    this.#first?.refuse(error, delay, thrown)
  }
}
