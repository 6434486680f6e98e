import { LinearizedSet } from './linearized-set.ts'
import { ABSENT, ANY, after, OTHER, type Step, type Value } from './register.ts'
import { Timeline } from './timeline.ts'

/** `undecided`: given up, the question is NP-complete (Gibbons & Korach, 1997). */
export type Answer = 'linearizable' | 'not linearizable' | 'undecided'

export interface Found {
  readonly answer: Answer
  /** The latest end that the search came to and did not get past. */
  readonly stuck: number
}

/** Configurations looked at before a search is given up: some hundred MB. */
const LIMIT = 2_000_000
/** Configurations for each step that are mostly enough. */
const SOON = 10

/**
 * Whether there is an order of the steps, each between its start and its end, that a register follows (Wing & Gong,
 * "Testing and Verifying Concurrent Objects", 1993): depth first, and never twice from one set of steps taken and one
 * state (Lowe, "Testing for Linearizability", 2017). `steps` are in order of their starts.
 */
export function search(steps: readonly Step[], initial: Value = ABSENT, limit = LIMIT): Found {
  const soon = new Search(steps, initial, Math.min(limit, SOON * (steps.length + 100))).run()
  if (soon.answer !== 'undecided') return soon
  // What allows more orders and has none settles it.
  const relaxed = new Search(blurred(steps), initial, limit).run()
  return relaxed.answer === 'not linearizable' ? relaxed : new Search(steps, initial, limit).run()
}

/** Stands for a write that nobody has to find, and nobody knows of: one is as good as another that began. */
const MEDDLER = -1

/** A step that was taken, and what was there before it. `free`: nothing else need be tried in its place. */
interface Taken {
  readonly step: number
  readonly before: Value
  readonly free: boolean
}

class Search {
  readonly #steps: readonly Step[]
  readonly #limit: number
  readonly #timeline: Timeline
  readonly #set: LinearizedSet
  readonly #twins: Int32Array
  readonly #trail: Taken[] = []
  /** Where the search has been, and the fewest meddlers that it took there. */
  readonly #been = new Map<string, number>()
  /** When the meddlers begin, the earliest first, and how many of them were taken. */
  readonly #meddlers: readonly number[]
  #meddled = 0
  /** Of each value: who has to find it there yet, and who may put it there. */
  readonly #needed = new Map<Value, number>()
  readonly #writers = new Map<Value, number>()
  /** What those without an end need, who are not counted there. */
  readonly #wished = new Set<Value | undefined>()
  #refusals = 0
  #stuck = Number.NEGATIVE_INFINITY
  #state: Value
  /** Steps with an end: whoever has none need not be taken. */
  #left = 0

  constructor(all: readonly Step[], initial: Value, limit: number) {
    const steps = all.filter((step) => !meddles(step))
    this.#meddlers = all.filter(meddles).map(({ start }) => start)
    this.#steps = steps
    this.#limit = limit
    this.#state = initial
    this.#timeline = new Timeline(steps)
    this.#set = new LinearizedSet(steps)
    this.#twins = twinsOf(steps)
    for (const { needs, end } of steps) if (end === Infinity) this.#wished.add(needs)
    for (const step of steps) this.#count(step, 1)
  }

  run(): Found {
    return { answer: this.#answer(), stuck: this.#stuck }
  }

  #answer(): Answer {
    for (const value of this.#needed.keys()) if (this.#state !== ANY && this.#lost(value)) return 'not linearizable'
    let event = this.#absorb()
    while (this.#left > 0) {
      if (this.#been.size > this.#limit) return 'undecided'
      if (event !== this.#timeline.head && this.#timeline.isStart(event)) {
        event = this.#try(event) ? this.#absorb() : this.#timeline.next(event)
        if (this.#idle()) event = this.#timeline.next(this.#back()!)
      } else if (this.#meddle(event - this.#steps.length)) event = this.#absorb()
      else {
        this.#stuck = Math.max(this.#stuck, this.#steps[event - this.#steps.length]!.end)
        // Whoever ends here cannot be taken any more: another way.
        const step = this.#back()
        if (step === undefined) return 'not linearizable'
        event = this.#timeline.next(step)
      }
    }
    return 'linearizable'
  }

  /** What only looks and finds what it saw is taken: it hinders nobody, and could not be served better later. Gives the first event that is left. */
  #absorb(): number {
    const timeline = this.#timeline
    for (let event = timeline.next(timeline.head); event !== timeline.head && timeline.isStart(event); ) {
      const step = this.#steps[event]!
      const next = timeline.next(event)
      const state = step.writes === undefined ? after(this.#state, step) : undefined
      if (state !== undefined && state === this.#state) {
        this.#take(event, state, true)
        // Its own end is gone with it.
        event = next === event + this.#steps.length ? timeline.next(next) : next
      } else event = next
    }
    return timeline.next(timeline.head)
  }

  #try(step: number): boolean {
    const twin = this.#twins[step]!
    const state = after(this.#state, this.#steps[step]!)
    if (state === undefined || (twin >= 0 && !this.#set.has(twin))) return false
    const before = this.#state
    const unseen = this.#steps[step]!.needs === undefined ? this.#unseen(step) : []
    this.#take(step, state, false)
    for (const other of unseen) this.#take(other, state, true)
    const stranded = before !== ANY && before !== state && this.#lost(before)
    if (!stranded && this.#isNew()) return true
    this.#back()
    return false
  }

  /** Writes that may come right before another, which leaves nothing of them: nobody has to find what they wrote, or to miss anything. */
  #unseen(step: number): number[] {
    const found: number[] = []
    if (this.#refusals > 0) return found
    const timeline = this.#timeline
    for (let event = timeline.next(timeline.head); timeline.isStart(event); event = timeline.next(event)) {
      const { needs, writes, end } = this.#steps[event]!
      if (event === step || needs !== undefined || writes === undefined || end === Infinity) continue
      if ((this.#needed.get(writes) ?? 0) === 0 && !this.#wished.has(writes)) found.push(event)
    }
    return found
  }

  /** Where the same steps have been taken, with fewer meddlers or as many, there is nothing more to find. */
  #isNew(): boolean {
    const key = this.#set.key(this.#state)
    if ((this.#been.get(key) ?? Infinity) <= this.#meddled) return false
    this.#been.set(key, this.#meddled)
    return true
  }

  /** Where `next` ends before anybody found what it needs: for whoever missed what is there now, something else may have been. */
  #meddle(next: number): boolean {
    const before = this.#state
    const start = this.#meddlers[this.#meddled]
    if (before === OTHER || before === ANY || start === undefined || start > this.#steps[next]!.end) return false
    const timeline = this.#timeline
    let event = timeline.next(timeline.head)
    while (timeline.isStart(event) && this.#steps[event]!.refuses !== before) event = timeline.next(event)
    if (!timeline.isStart(event)) return false
    this.#trail.push({ step: MEDDLER, before, free: true })
    this.#meddled++
    this.#state = OTHER
    if (!this.#lost(before) && this.#isNew()) return true
    this.#trail.pop()
    this.#meddled--
    this.#state = before
    return false
  }

  /** What need not be taken and was not seen by anybody before it is overwritten may as well not be taken. */
  #idle(): boolean {
    const last = this.#trail.at(-1)
    if (last === undefined || last.free) return false
    const { writes, end } = this.#steps[last.step]!
    return end === Infinity && writes === OTHER
  }

  /** Somebody has to find it there yet, and nobody can put it there. */
  #lost(value: Value): boolean {
    if (value === this.#state) return false
    return (this.#needed.get(value) ?? 0) > 0 && (this.#writers.get(value) ?? 0) === 0
  }

  #take(step: number, state: Value, free: boolean): void {
    this.#trail.push({ step, before: this.#state, free })
    this.#timeline.take(step)
    this.#set.flip(step)
    this.#count(this.#steps[step]!, -1)
    this.#state = state
  }

  /** Back to before the last step for which there was a choice. */
  #back(): number | undefined {
    for (let taken = this.#trail.pop(); taken !== undefined; taken = this.#trail.pop()) {
      const { step, before, free } = taken
      this.#state = before
      if (step === MEDDLER) {
        this.#meddled--
        continue
      }
      this.#timeline.putBack(step)
      this.#set.flip(step)
      this.#count(this.#steps[step]!, 1)
      if (!free) return step
    }
    return undefined
  }

  #count({ needs, refuses, writes, end }: Step, by: 1 | -1): void {
    if (refuses !== undefined) this.#refusals += by
    if (end !== Infinity) this.#left += by
    if (needs !== undefined && end !== Infinity) this.#needed.set(needs, (this.#needed.get(needs) ?? 0) + by)
    if (writes !== undefined) this.#writers.set(writes, (this.#writers.get(writes) ?? 0) + by)
  }
}

function meddles({ needs, writes, end }: Step): boolean {
  return end === Infinity && writes === OTHER && needs === undefined
}

/** One value for all that nobody has to find, of writes that nobody knows of; though somebody may have missed just that one. */
function blurred(steps: readonly Step[]): Step[] {
  const needed = new Set(steps.map(({ needs }) => needs))
  return steps.map((step) => (step.end === Infinity && !needed.has(step.writes) ? { ...step, writes: OTHER } : step))
}

/** Of each step without an end the one before it that does the same: only once that is taken it need be tried. −1: none. */
function twinsOf(steps: readonly Step[]): Int32Array {
  const twins = new Int32Array(steps.length).fill(-1)
  const last = new Map<string, number>()
  for (const [i, { needs, writes, end }] of steps.entries()) {
    if (end !== Infinity) continue
    const key = `${needs} ${writes}`
    twins[i] = last.get(key) ?? -1
    last.set(key, i)
  }
  return twins
}
