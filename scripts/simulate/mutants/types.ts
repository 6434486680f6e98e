/** What is promised, and would be broken. */
export type Promised =
  | 'acknowledged is never lost'
  | 'no effect twice'
  | 'order per key'
  | 'causal order'
  | 'dead letters are never lost'
  | 'subscriptions never gap silently'
  | 'what is committed stays'

/**
 * A bug put into production code on purpose, in the process that plays it only: there is no switch in the code itself.
 * A simulation that does not notice it would not notice one made by accident either.
 */
export interface Mutant {
  /** What the bug is, in a few words. */
  readonly name: string
  readonly promise: Promised
  /** The scenario that has to notice. */
  readonly scenario: string
  /** Noticed within a dozen seeds: of those without a `seed` the tests play some. */
  readonly soon?: boolean
  /** The first seed that notices, counted from 1: so many it took when this was written down. The tests play it. */
  readonly seed?: number
  /** From the root of the repository. */
  readonly file: string
  /** Stands in the file exactly once: a mutant whose place has changed fails the tests instead of mutating nothing. */
  readonly find: string
  readonly replace: string
}
