/**
 * A decision, apart from the deed: one input and the time go in, effects come out. No machine reads a clock, throws
 * dice that were not handed to it, or waits. Timers are values: a machine asks for one and is told that it fired.
 */
export interface Machine<Input, Effect> {
  /** `now` is monotonic ms. Effects are pushed into `sink`, so that the hot path makes no array for each input. */
  handle(input: Input, now: number, sink: Sink<Effect>): void
}

export interface Sink<Effect> {
  push(effect: Effect): unknown
}

/** Uniform in [0, 1), seeded by whoever hands it in. */
export type Random = () => number
