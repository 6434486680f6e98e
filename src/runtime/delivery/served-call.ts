import type { AttributeSet } from '../../../protocols/envelope/attributes.ts'
import type { Message } from '../../../protocols/envelope/message.ts'

/**
 * A request on its way through an agent, however it came. Invariant: `reply`, `end` or `fail` is called once, last. What
 * is sent is copied before the call returns. Each throws `ERR_UNREPRESENTABLE` and `ERR_MESSAGE_TOO_LARGE`.
 */
export interface ServedCall {
  /** Where the request's data is a stream, `data` is an AsyncIterable of values. */
  readonly message: Message
  readonly target: string
  readonly instance: string | undefined
  readonly peer: string
  /** The client takes parts and an end instead of one reply. */
  readonly stream: boolean
  /** Monotonic ms after which nobody waits; undefined: no deadline. */
  readonly deadline: number | undefined
  /** Aborted when nobody waits any longer: cancelled, past the deadline, or the client is gone. */
  readonly signal: AbortSignal
  /** Nobody waits any longer. */
  readonly over: boolean
  /** Called when nobody waits any longer although it was not answered: set by whoever works on it. Cheaper than `signal`. */
  onCancel: (() => void) | undefined
  readonly bytes: number
  /** It left the queue, or was refused: gives its credit back. */
  release(): void
  /**
   * Undefined when a reply or part may be written now. Else look again once it resolves, since others wait for the same
   * room; it rejects when nobody reads any longer.
   */
  room(): Promise<void> | undefined
  reply(attributes: AttributeSet, data: unknown): void
  part(attributes: AttributeSet, data: unknown): void
  end(): void
  /** `thrown`: by a handler, which had the request then. */
  fail(error: unknown, thrown?: boolean): void
}

/** Takes the requests for the agents of this node. */
export type Serve = (call: ServedCall) => void
