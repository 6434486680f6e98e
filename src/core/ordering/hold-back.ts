import { Deadlines, type Due } from '../delivery/deadlines.ts'

/** What comes with a place in a sequence. */
export interface Placed {
  /** Which sequence: each is apart. */
  readonly sequence: string
  /** From 1 on; a group gave each number once. */
  readonly number: number
  /** Its sender knows that all up to here have met their end, wherever that was. Below `number`. */
  readonly settled: number
}

export type HoldBackEffect<T extends Placed> =
  /** It is its turn; `ended` is to say how it went. */
  | { readonly kind: 'deliver'; readonly item: T }
  /** `'void'`: its number was given up, another is needed. `'full'`: too much waits here, or another copy of it does. */
  | { readonly kind: 'refuse'; readonly item: T; readonly reason: 'void' | 'full' }
  /** What these numbers stand for did not come in time: from now on it comes too late. */
  | { readonly kind: 'void'; readonly sequence: string; readonly from: number; readonly to: number }

export interface HoldBackSink<T extends Placed> {
  push(effect: HoldBackEffect<T>): void
}

export interface HoldBackLimits {
  /** ms for which a number that is missing is waited for while a later one is here. */
  gapTimeout: number
  /** Messages that wait, of all sequences together. */
  waiting: number
  /** Sequences that are remembered; of those that are idle the ones used least lately go. */
  sequences: number
}

/** One sequence. `next`: all below have met their end, or are void. */
class Line<T extends Placed> implements Due {
  readonly name: string
  next: number
  /** The number whose handler is at work; 0: none. */
  running = 0
  /** By number, rising; none below `next`. */
  readonly held: T[] = []
  advancing = false
  at = 0
  slot = -1

  constructor(name: string, next: number) {
    this.name = name
    this.next = next
  }
}

/**
 * A hold-back queue (Birman, Schiper and Stephenson, "Lightweight Causal and Atomic Group Multicast", 1991) for numbers
 * that somebody else gives without a gap: hands out n once n - 1 has met its end. A number that is missing for too long,
 * since its sender died with it or it went to another host, is void for good: should it come after all it is refused, so
 * that its sender asks for another.
 *
 * A sequence that is not known begins behind what the first message's sender knows to be settled. That is the truth:
 * whoever was told that m was handled was told so by a host that had seen the end of all below m.
 *
 * Invariants: of a sequence at most one is at work; numbers are handed out in rising order, but for one that failed and comes
 * again before the next; none is handed out that was void; a deadline runs exactly while something waits and nothing is at work.
 */
export class HoldBack<T extends Placed> {
  readonly #limits: HoldBackLimits
  readonly #lines = new Map<string, Line<T>>()
  readonly #deadlines = new Deadlines<Line<T>>()
  #waiting = 0

  constructor(limits: HoldBackLimits) {
    this.#limits = limits
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#waiting
  }

  /** When `tick` is due (monotonic ms); Infinity where nothing waits for a number. */
  get wakeAt(): number {
    return this.#deadlines.next
  }

  arrive(item: T, now: number, sink: HoldBackSink<T>): void {
    const line = this.#line(item)
    this.#pass(line, item.settled + 1, sink)
    // Another copy of what is at work is to come again: then it is known how that went.
    if (item.number === line.running) sink.push({ kind: 'refuse', item, reason: 'full' })
    else if (item.number < line.next) sink.push({ kind: 'refuse', item, reason: 'void' })
    else if (item.number === line.next && line.running === 0) {
      this.#hand(line, item, sink)
    } else this.#hold(line, item, sink)
    this.#advance(line, now, sink)
  }

  /** What was handed out was handled, or will never be (`over`); else it comes again. */
  ended({ sequence, number }: Placed, over: boolean, now: number, sink: HoldBackSink<T>): void {
    const line = this.#lines.get(sequence)
    if (line === undefined || line.running !== number) return
    line.running = 0
    if (over) this.#pass(line, number + 1, sink)
    this.#advance(line, now, sink)
  }

  /** Passes over what was waited for in vain. */
  tick(now: number, sink: HoldBackSink<T>): void {
    for (let line = this.#deadlines.take(now); line !== undefined; line = this.#deadlines.take(now)) {
      const to = line.held[0]!.number - 1
      sink.push({ kind: 'void', sequence: line.name, from: line.next, to })
      line.next = to + 1
      this.#advance(line, now, sink)
    }
  }

  /** Everything that waits, which is forgotten. */
  clear(): T[] {
    const held = [...this.#lines.values()].flatMap((line) => line.held.splice(0))
    for (const line of this.#lines.values()) this.#deadlines.remove(line)
    this.#waiting = 0
    return held
  }

  #line({ sequence, settled }: Placed): Line<T> {
    let line = this.#lines.get(sequence)
    // The one used last stands at the end.
    if (line !== undefined) this.#lines.delete(sequence)
    else {
      if (this.#lines.size >= this.#limits.sequences) this.#evict()
      line = new Line(sequence, settled + 1)
    }
    this.#lines.set(sequence, line)
    return line
  }

  #evict(): void {
    for (const { name, held, running } of this.#lines.values()) {
      if (held.length > 0 || running > 0) continue
      this.#lines.delete(name)
      return
    }
  }

  /** All below `next` are known to be over: what waits of them is too late. */
  #pass(line: Line<T>, next: number, sink: HoldBackSink<T>): void {
    if (next <= line.next) return
    line.next = next
    this.#deadlines.remove(line)
    while (line.held.length > 0 && line.held[0]!.number < next) {
      this.#waiting--
      sink.push({ kind: 'refuse', item: line.held.shift()!, reason: 'void' })
    }
  }

  #hold(line: Line<T>, item: T, sink: HoldBackSink<T>): void {
    const at = line.held.findIndex(({ number }) => number >= item.number)
    // Its sender took the other one for lost.
    const copy = at >= 0 && line.held[at]!.number === item.number
    if (this.#waiting >= this.#limits.waiting && !copy) {
      sink.push({ kind: 'refuse', item, reason: 'full' })
      return
    }
    const [former] = line.held.splice(at < 0 ? line.held.length : at, copy ? 1 : 0, item)
    if (former === undefined) this.#waiting++
    else sink.push({ kind: 'refuse', item: former, reason: 'full' })
  }

  #hand(line: Line<T>, item: T, sink: HoldBackSink<T>): void {
    line.running = item.number
    sink.push({ kind: 'deliver', item })
  }

  /** Hands out what may go. A handler may be over before `push` returns: then this goes on, and not from within. */
  #advance(line: Line<T>, now: number, sink: HoldBackSink<T>): void {
    if (line.advancing) return
    line.advancing = true
    while (line.running === 0 && line.held[0]?.number === line.next) {
      this.#waiting--
      this.#hand(line, line.held.shift()!, sink)
    }
    line.advancing = false
    const waits = line.running === 0 && line.held.length > 0
    if (!waits) this.#deadlines.remove(line)
    else if (line.slot < 0) {
      line.at = now + this.#limits.gapTimeout
      this.#deadlines.add(line)
    }
  }
}
