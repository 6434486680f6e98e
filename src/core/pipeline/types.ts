/** What happens when a stage has failed for good, which is after `retries` further attempts. */
export type OnError = 'stop' | 'skip' | 'retry' | 'dead-letter'

export interface StagePlan {
  /** The type of the requests that its agent gets; unique in its pipeline. */
  name: string
  agent: string
  /** Calls at a time. */
  concurrency: number
  onError: OnError
  /** Attempts after the first. */
  retries: number
  /** ms; a retry waits a random part of this, doubled with each attempt (full jitter). */
  retryDelay: number
  /** ms that the doubling ends at. */
  maxRetryDelay: number
  /** ms that one attempt may take; the caller of stages holds to it. */
  timeout: number
}

export interface StageCounters {
  /** Items that reached the stage. */
  in: number
  /** Items that it answered. */
  out: number
  /** Attempts that failed. */
  failed: number
  /** Attempts that were made again. */
  retried: number
  skipped: number
  deadLettered: number
}

export interface StageStatus extends StageCounters {
  name: string
  agent: string
  /** Items that wait for their turn. */
  queued: number
  /** Items that the stage works on, those that wait for a retry included. */
  running: number
}

export type PipelineInput =
  /** An item: it gets the number that `nextSequence` told. Only while `room` is above 0. */
  | { kind: 'enter'; value: unknown }
  | { kind: 'succeeded'; sequence: number; attempt: number; value: unknown }
  | { kind: 'failed'; sequence: number; attempt: number; error: unknown }
  /** The timer asked for under this number fired. */
  | { kind: 'timer'; sequence: number }
  /** Whoever got the result has taken it: there is room for another item. */
  | { kind: 'release' }
  /** Nobody wants the item any more. */
  | { kind: 'withdraw'; sequence: number }
  /** Items that enter from now on take these stages. */
  | { kind: 'reconfigure'; stages: readonly StagePlan[] }
  /** Withdraws everything. */
  | { kind: 'abort' }

/** An item that left without a result. */
export interface Loss {
  sequence: number
  stage: StagePlan
  /** As it entered the pipeline. */
  item: unknown
  /** As it entered the stage. */
  input: unknown
  error: unknown
  attempts: number
}

export type PipelineEffect =
  | { kind: 'call'; sequence: number; attempt: number; stage: StagePlan; value: unknown }
  /** The call under way for this item is of no use any more. */
  | { kind: 'cancel'; sequence: number }
  | { kind: 'set-timer'; sequence: number; delay: number }
  | { kind: 'cancel-timer'; sequence: number }
  /** In the order that items entered. */
  | { kind: 'result'; sequence: number; value: unknown }
  | { kind: 'skipped' | 'dead-lettered'; loss: Loss }
  /** A stage failed for good under 'stop' or 'retry'. `unfinished`: everything that was in flight, the culprit included. */
  | { kind: 'stopped'; loss: Loss; unfinished: number[] }
  /** The pipeline was full and is not any more. */
  | { kind: 'room' }
  /** No item is on the stages of before the last `reconfigure` any more. */
  | { kind: 'reconfigured' }
  /** Nothing is in flight. */
  | { kind: 'idle' }
