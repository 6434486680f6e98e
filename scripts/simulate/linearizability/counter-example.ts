import type { Operation } from './history.ts'
import { settled } from './outcomes.ts'
import { ABSENT, ANY, type Step, type Value } from './register.ts'
import { search } from './search.ts'

/** Operations left when more are not tried to be left out one by one: the time that it takes grows with the square. */
const FEW = 400
/** Configurations of each search for a shorter one: where it is given up, the longer one stays. */
const LIMIT = 500_000
/** Operations before where a search was stuck, among which a contradiction is looked for first. */
const NEAR = 500

/** Some operations of one key that have no order, whatever came before them. */
export interface CounterExample {
  readonly operations: readonly Operation[]
  /** Of the others, for each value that these saw, the last one that wrote it: where it came from. */
  readonly writers: readonly Operation[]
}

/**
 * The fewest that it finds, of steps that are not linearizable, at first among those before where a search was stuck. Each way
 * to leave one out only allows more orders: so what is left has none.
 */
export function counterExample(steps: readonly Step[], stuck: number): CounterExample {
  const left =
    window(until(steps, stuck), NEAR) ?? window(shortest(steps), Infinity) ?? thinned(shortest(steps), ABSENT)
  return { operations: left.map(({ operation }) => operation), writers: writersOf(left, steps) }
}

/** The first so many that have no order. */
function shortest(steps: readonly Step[]): Step[] {
  const ends = steps.map(({ end }) => end).sort((a, b) => a - b)
  return until(steps, ends[least(ends.length - 1, (i) => contradicts(until(steps, ends[i]!)))]!)
}

/** The last so many, at most `most`, that have no order whatever was there before: from later on there are more orders. */
function window(steps: readonly Step[], most: number): readonly Step[] | undefined {
  const starts = steps.map(({ start }) => start).reverse()
  const count = Math.min(starts.length, most)
  const first = least(count, (i) => contradicts(from(steps, starts[i]!), ANY))
  return first < count ? thinned(from(steps, starts[first]!), ANY) : undefined
}

function writersOf(left: readonly Step[], all: readonly Step[]): Operation[] {
  const own = new Set(left.map(({ operation }) => operation))
  const seen = new Set(left.map(({ needs }) => needs))
  const last = new Map<Value, Operation>()
  const end = Math.max(...left.map((step) => step.end))
  for (const { writes, start, operation } of all)
    if (start <= end && writes !== undefined && seen.has(writes) && !own.has(operation)) last.set(writes, operation)
  return [...last.values()]
}

function contradicts(steps: readonly Step[], initial: Value = ABSENT): boolean {
  return search(settled(steps, initial), initial, LIMIT).answer === 'not linearizable'
}

/** What was known at that time: what had not ended had no outcome. */
function until(steps: readonly Step[], time: number): Step[] {
  return steps.filter(({ start }) => start <= time).flatMap((step) => (step.end <= time ? [step] : opened(step)))
}

/** Without what ended before that time. What was under way may have been done before it. */
function from(steps: readonly Step[], time: number): Step[] {
  return steps.filter(({ end }) => end >= time).flatMap((step) => (step.start >= time ? [step] : opened(step)))
}

/** It may also never take effect; of what only looked nothing is left. */
function opened(step: Step): Step[] {
  return step.writes === undefined ? [] : [{ ...step, end: Infinity }]
}

/** Leaves out one after the other what is not needed. */
function thinned(steps: readonly Step[], initial: Value): readonly Step[] {
  if (settled(steps, initial).length > FEW) return settled(steps, initial)
  let left = steps
  for (const step of [...left].reverse()) {
    const fewer = left.flatMap((other) => (other === step ? opened(step) : [other]))
    if (step.end !== Infinity && contradicts(fewer, initial)) left = fewer
  }
  return settled(left, initial)
}

/** The least number below `count` for which it holds, if it holds for all above; `count` where it holds for none. */
function least(count: number, holds: (i: number) => boolean): number {
  let [low, high] = [0, count]
  // Searches of what has no order take long: those of few steps come first.
  for (let probe = 0; probe < count; probe = 2 * probe + 1) {
    if (holds(probe)) {
      high = probe
      break
    }
    low = probe + 1
  }
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
