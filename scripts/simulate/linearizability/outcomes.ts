import { ABSENT, ANY, OTHER, type Step, type Value } from './register.ts'

/**
 * Says of unknown outcomes what the rest of the history tells, so that the search need not try: the history stays
 * linearizable if it was, and becomes it in no other case. Each that stays open can double the work.
 *
 * - What alone writes a value that was seen took effect before whoever saw it first ended; unless it may have been there
 *   from the beginning.
 * - What writes a value that nobody saw is left out: it would be overwritten unseen. Only a compare-and-set that did not find
 *   what it expected may have met it.
 */
export function settled(steps: readonly Step[], initial: Value = ABSENT): Step[] {
  let now = [...steps]
  for (let before = -1; before !== now.length; ) {
    before = now.length
    now = withoutUnseen(now)
  }
  now = alike(now)
  if (initial === ANY) return now
  const seen = new Map<Value, number>()
  const writers = new Map<Value, number>([[initial, 1]])
  for (const { needs, writes, end } of now) {
    if (needs !== undefined) seen.set(needs, Math.min(seen.get(needs) ?? Infinity, end))
    if (writes !== undefined) writers.set(writes, (writers.get(writes) ?? 0) + 1)
  }
  return now.map((step) => {
    const { writes, end } = step
    if (end !== Infinity || writes === undefined || writers.get(writes) !== 1) return step
    return { ...step, end: Math.max(step.start, seen.get(writes) ?? Infinity) }
  })
}

function withoutUnseen(steps: readonly Step[]): Step[] {
  const seen = new Set<Value>()
  let lastRefusal = Number.NEGATIVE_INFINITY
  for (const { needs, refuses, end } of steps) {
    if (needs !== undefined) seen.add(needs)
    if (refuses !== undefined) lastRefusal = Math.max(lastRefusal, end)
  }
  return steps.filter(({ writes, start, end }) => end !== Infinity || seen.has(writes!) || start <= lastRefusal)
}

/** One number for all values that nobody has to find, or not to find. */
function alike(steps: readonly Step[]): Step[] {
  const asked = new Set(steps.flatMap(({ needs, refuses }) => [needs, refuses]))
  return steps.map((step) => (asked.has(step.writes) ? step : { ...step, writes: OTHER }))
}
