import type { Destination } from './destination.ts'

/** What a receiver that waits is told of our messages. */
export interface Runs {
  /** Pairs (previous, last): nothing after `previous` and up to `last` will come. */
  readonly runs: readonly number[]
  /** Some of what it waits for will. */
  readonly coming: boolean
}

/**
 * Of our messages to a host after `passed` and up to `number`: those that will be sent again are coming, and so are those
 * that were sent since a link to it closed last, over links that are open. The rest was lost with a link, or went elsewhere.
 * `last` is our last number, wherever it went.
 */
export function fillFor(target: Destination | undefined, passed: number, number: number, last: number): Runs {
  // What we have not sent yet nobody can wait for.
  if (number > last) return { runs: [], coming: false }
  if (target === undefined) return { runs: [passed, number], coming: false }
  const runs: number[] = []
  let covered = passed
  const marks = target.unsettled.values().filter((mark) => mark.number > passed)
  for (const mark of marks.sort((a, b) => a.number - b.number)) {
    const lost = Math.min(mark.previous, target.severed)
    if (lost > covered) runs.push(covered, lost)
    covered = mark.number
  }
  if (target.severed > covered) {
    runs.push(covered, target.severed)
    covered = target.severed
  }
  // Nothing went to it after that, so a later number went elsewhere.
  if (target.last <= covered && covered < number) runs.push(covered, number)
  return { runs, coming: marks.length > 0 || target.last > covered }
}
