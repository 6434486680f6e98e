/** The entry of the log that is being applied. */
export interface Applying {
  /** Rises from command to command, and is the same on every replica. */
  readonly index: number
  readonly term: number
}

/**
 * A part of what a group's replicas hold. Each replica applies the same commands in the same order, so it must be
 * deterministic: no clock, no dice, nothing that a snapshot does not restore, iteration order included.
 *
 * Data is plain: what MessagePack of the envelope carries, Map, Set, Date, bytes and undefined included. What it is given and
 * what it gives is shared and never changed: whoever hands it to a person hands out a copy.
 */
export interface StateMachine {
  /**
   * What it throws is the command's outcome, with the error's code and message; the same on every replica. A command
   * nests at most 124 levels, and shares no memory with the bytes that it came in.
   */
  apply(command: unknown, at: Applying): unknown
  /** Changes nothing. May throw. */
  query(question: unknown): unknown
  /** Does not change afterwards, whatever is applied then. A list is encoded a few items at a time, everything else at once. */
  snapshot(): unknown
  /** Takes the place of all that it held; the state is its own. Whatever it throws refuses the snapshot. */
  restore(state: unknown): void
}

export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string }
