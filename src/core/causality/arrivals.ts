import { Way } from '../../../protocols/causality/constants.ts'
import type { Dependency, IncomingStamp } from '../../../protocols/causality/messages.ts'
import type { Sink } from '../machine.ts'
import { Hearsay, type HearsayHost } from './hearsay.ts'
import { type Need, Source, type Waiting } from './source.ts'
import type { CausalEffect, CausalLimits } from './types.ts'

/** Hosts whose messages are counted. A guess: more than a mesh has, so that only names made up fill it; the first go. */
const MOST_SOURCES = 16_384
const WAYS = [Way.link, Way.assured, Way.wide]

/** The receiver's half: hands out what came when all that it follows, and that comes here, was handed out. */
export class Arrivals<T> {
  readonly #hearsay: Hearsay
  readonly #limits: CausalLimits
  /** By peer, and then by way. */
  readonly #sources = new Map<string, readonly Source[]>()
  readonly #stalled = new Set<Source>()
  /** Sources of which something has passed that something may wait for. */
  readonly #stirred: Source[] = []
  #waiting = 0
  #bytes = 0
  /** Hosts that wait for an answer. */
  askers = 0

  constructor(host: HearsayHost, limits: CausalLimits) {
    this.#hearsay = new Hearsay(host, (peer, epoch, way) => this.source(peer, epoch, way))
    this.#limits = limits
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#waiting
  }

  /** True while more waits than half of what may: what comes now should keep its sender's credit. */
  get pressed(): boolean {
    return 2 * this.#waiting > this.#limits.waiting || 2 * this.#bytes > this.#limits.waitingBytes
  }

  /** Whether messages of the peer that came by that way wait. */
  holds(peer: string, way: Way): boolean {
    const source = this.#sources.get(peer)?.[way]
    return source !== undefined && source.held.size > 0
  }

  get stalled(): ReadonlySet<Source> {
    return this.#stalled
  }

  /** True where `release` has something to do. */
  get stirred(): boolean {
    return this.#stirred.length > 0
  }

  /** The host's life of that epoch; undefined for one that is over. */
  source(peer: string, epoch: number, way: Way): Source | undefined {
    const known = this.#sources.get(peer)
    if (known !== undefined) {
      const source = known[way]!
      if (source.epoch === epoch) return source
      if (source.epoch > epoch) return undefined
      this.gone(peer)
    }
    if (this.#sources.size >= MOST_SOURCES) this.gone(this.#sources.keys().next().value!)
    const fresh = WAYS.map((way) => new Source(peer, epoch, way))
    this.#sources.set(peer, fresh)
    return fresh[way]
  }

  /**
   * True where a message that came may go on at once, which is what nearly all do. `late`: it stands before what has passed
   * already, so it was lost and is sent again, or was given up.
   */
  admit(stamp: IncomingStamp, peer: string, way: Way, now: number): 'pass' | 'late' | 'wait' {
    let source = stamp.source as Source | undefined
    if (source === undefined || source.over) {
      source = this.source(peer, stamp.epoch, way)
      if (source === undefined) return 'late'
      stamp.source = source
    }
    const { number, count } = stamp
    if (number <= source.passed) {
      this.#hearsay.inherit(stamp.changes, count, now)
      return 'late'
    }
    if (stamp.previous > source.passed) return 'wait'
    if (source.highest > source.passed && source.before(number) > source.passed) return 'wait'
    const aside = stamp.repeats && stamp.elsewhere
    if (count > 0 && !aside && !this.#hearsay.met(stamp.changes, count)) return 'wait'
    source.passed = number
    if (source.waiting.size > 0) this.#stir(source, now)
    if (aside) this.#hearsay.putOff(stamp, now)
    else if (count > 0) stamp.elsewhere = this.#hearsay.inherit(stamp.changes, count, now)
    return 'pass'
  }

  /** See `Hearsay`. */
  awaits(publication: Dependency): boolean {
    return this.#hearsay.awaits(publication)
  }

  // ---- waiting -----------------------------------------------------------------------------------------------------

  /** A message that `admit` told to wait. */
  hold(stamp: IncomingStamp, item: T, bytes: number, now: number): void {
    const source = stamp.source as Source
    const told = stamp.changes.slice(0, stamp.count).map((heard) => ({ ...heard, entry: undefined }))
    const { number, previous } = stamp
    this.#waiting++
    this.#bytes += bytes
    const held = { kind: 'message', item, bytes, source, number, previous, told } as const
    // Also of a publication, which does not say what it follows; and its sender may hold us to be gone, and say nothing of it.
    const needs = this.#hearsay.needs(source, Math.max(previous, source.before(number)), told)
    source.hold(held)
    this.wait(needs, held, now)
  }

  wait(needs: readonly Need[], what: Waiting['what'], now: number): void {
    if (what.kind === 'asker') this.askers++
    const waiting: Waiting = { at: 0, slot: -1, needs, what }
    const unmet = unmetOf(waiting)
    // Everything has come meanwhile: it goes with the next release.
    this.#enlist(waiting, unmet ?? needs[0]!, now)
    if (unmet === undefined) this.#stirred.push(needs[0]!.source)
  }

  #enlist(waiting: Waiting, { source, number }: Need, now: number): void {
    waiting.at = number
    if (source.waiting.size === 0) {
      source.stalled = now
      source.asked = 0
      this.#stalled.add(source)
    }
    source.waiting.add(waiting)
  }

  #stir(source: Source, now: number): void {
    source.stalled = now
    source.asked = 0
    if (source.waiting.next <= source.passed) this.#stirred.push(source)
  }

  /** Hands out what can go on, in order. */
  release(now: number, sink: Sink<CausalEffect<T>>): void {
    for (let source = this.#stirred.pop(); source !== undefined; source = this.#stirred.pop()) {
      for (let next = readyOf(source); next !== undefined; next = readyOf(source)) {
        const unmet = unmetOf(next)
        if (unmet !== undefined) this.#enlist(next, unmet, now)
        else this.#go(next, now, sink)
      }
      if (source.waiting.size === 0) this.#stalled.delete(source)
    }
  }

  #go({ what, needs }: Waiting, now: number, sink: Sink<CausalEffect<T>>): void {
    const { source, number } = what
    if (what.kind === 'asker') {
      this.askers--
      sink.push({ kind: 'passed', peer: what.peer, statement: { producer: source.peer, epoch: source.epoch, number } })
      return
    }
    const late = number <= source.passed
    if (!late) {
      source.passed = number
      if (source.waiting.size > 0) this.#stir(source, now)
    }
    if (what.kind === 'void') return
    source.held.delete(what)
    if (source.over && source.waiting.size > 0) this.#stirred.push(source)
    this.#waiting--
    this.#bytes -= what.bytes
    this.#hearsay.inherit(what.told, what.told.length, now)
    sink.push(
      late ? { kind: 'late', item: what.item as T } : { kind: 'hand', item: what.item as T, waited: waitedFor(needs) }
    )
  }

  /** Nothing more of the source comes after `previous` and up to `number`: what is here of it already keeps its place. */
  fill(source: Source, previous: number, number: number, told: readonly Dependency[], now: number): void {
    let from = previous
    const held = [...source.held].filter((message) => message.number > previous && message.number <= number)
    for (const message of held.sort((a, b) => a.number - b.number)) {
      // A publication does not say what it follows: all before it.
      const before = message.previous === 0 ? message.number - 1 : message.previous
      if (before > from) this.#void(source, from, before, [], now)
      from = message.number
    }
    if (number > from) this.#void(source, from, number, told, now)
  }

  #void(source: Source, previous: number, number: number, told: readonly Dependency[], now: number): void {
    this.wait(this.#hearsay.needs(source, previous, told), { kind: 'void', source, number }, now)
  }

  /** Lets all go on that waits for the lowest number awaited of the source; returns that number. */
  force(source: Source, now: number): number {
    const number = source.waiting.next
    source.passed = Math.max(source.passed, number)
    this.#stir(source, now)
    return number
  }

  /** The one that has stalled longest, while too much waits. */
  crowded(): Source | undefined {
    if (this.#waiting <= this.#limits.waiting && this.#bytes <= this.#limits.waitingBytes) return undefined
    let oldest: Source | undefined
    for (const source of this.#stalled) if (oldest === undefined || source.stalled < oldest.stalled) oldest = source
    return oldest
  }

  /** The host is gone: what waits for what is not here goes on with the next release. */
  gone(peer: string): void {
    for (const source of this.#sources.get(peer) ?? []) {
      source.end()
      if (source.waiting.size > 0) this.#stirred.push(source)
    }
    this.#sources.delete(peer)
  }
}

/** What waits for a number of the source that has passed. */
function readyOf({ waiting, reached }: Source): Waiting | undefined {
  return waiting.take(reached)
}

function unmetOf({ needs }: Waiting): Need | undefined {
  for (const need of needs) if (need.number > need.source.reached) return need
  return undefined
}

function waitedFor(needs: readonly Need[]): Record<string, number> {
  const waited: Record<string, number> = {}
  for (const { source, number } of needs)
    if (number > 0) waited[source.peer] = Math.max(waited[source.peer] ?? 0, number)
  return waited
}
