import { DestinationKind, LOG_SIZE } from '../../../protocols/causality/constants.ts'
import type { ChangeLog, Dependency, Keeper } from '../../../protocols/causality/messages.ts'
import { type Destination, Entry } from './destination.ts'

class Log implements ChangeLog {
  count = 0
  readonly ring: Entry[] = []
  steady = 0
  period = 0
  growth = 0

  add(entry: Entry, growth: number): void {
    const period = this.count - entry.changed
    // One that was not held meanwhile has no change before it: streams may not have been told of that.
    if (period !== this.period || growth !== this.growth || entry.changed < 0) {
      this.steady = 0
      this.period = period
      this.growth = growth
    } else this.steady++
    entry.changed = this.count++
    this.ring[entry.changed & (LOG_SIZE - 1)] = entry
  }
}

/**
 * What is in the past of whatever this host sends next, and not known to have been handed out: for each destination and
 * producer the last number, which stands for all before it. Entries are held in no order.
 *
 * Invariant: an own entry of a destination excludes every entry of others for it, since our message to it waits there for
 * theirs (Schiper, Eggli and Sandoz 1989: the vector's element for a destination is replaced by the message to it).
 */
export class Past {
  readonly entries: Entry[] = []
  /** Those of others, for who reads of them on another stream. */
  readonly #known = new Map<string, Entry>()
  readonly #free: number[] = []
  #slots = 0
  /** Of those held: how many have no slot, and how many are of publications. */
  #unexposed = 0
  #topics = 0
  /** What changed last: a stream is told what came after its last message. */
  readonly log = new Log()

  /** Has not handed over all that was heard. */
  keeper: Keeper | undefined

  /** Must precede every look at what is held. */
  settle(): void {
    const { keeper } = this
    this.keeper = undefined
    keeper?.settle()
  }

  /** What is held of publications, as it is now. */
  topics(): readonly Dependency[] {
    return this.#topics === 0 ? NOTHING : this.entries.filter(isTopic).map(copyOf)
  }

  /** Holds the entry from now on, with this number. */
  hold(entry: Entry, number: number, now: number): void {
    if (entry.target.released > now && entry === entry.target.own) return
    this.#raise(entry, number, now)
    if (entry.place < 0) {
      this.#unexposed++
      if (isTopic(entry)) this.#topics++
      entry.place = this.entries.push(entry) - 1
      entry.since = now
    }
  }

  #raise(entry: Entry, number: number, now: number): void {
    this.log.add(entry, number - entry.number)
    entry.number = number
    entry.stillSince = now
  }

  /** The entry of others for what a dependency names, held or not. */
  find({ producer, epoch }: Dependency, target: Destination): Entry {
    const key = keyOf(target.kind, target.name, producer, epoch)
    let entry = this.#known.get(key)
    if (entry === undefined) {
      entry = new Entry(target, producer, epoch)
      this.#known.set(key, entry)
    }
    return entry
  }

  held(kind: DestinationKind, destination: string, producer: string, epoch: number): Entry | undefined {
    return this.#known.get(keyOf(kind, destination, producer, epoch))
  }

  /** Takes over what somebody else's message told. */
  inherit(entry: Entry, number: number, now: number): void {
    if (entry.place >= 0) {
      if (number > entry.number) this.#raise(entry, number, now)
      return
    }
    entry.target.inherited++
    this.hold(entry, number, now)
  }

  /** Gives each entry a place in the streams' tables: they are about to be told. */
  expose(): void {
    if (this.keeper !== undefined) this.settle()
    for (let i = this.entries.length - 1; this.#unexposed > 0; i--) {
      const entry = this.entries[i]!
      if (entry.slot >= 0) continue
      entry.slot = this.#free.pop() ?? this.#slots++
      this.#unexposed--
    }
  }

  drop(entry: Entry, own: boolean): void {
    const { place, slot } = entry
    if (place < 0) return
    entry.place = -1
    if (isTopic(entry)) this.#topics--
    const last = this.entries.pop()!
    if (last !== entry) {
      this.entries[place] = last
      last.place = place
    }
    if (slot >= 0) this.#free.push(slot)
    else this.#unexposed--
    entry.slot = -1
    entry.changed = -1
    if (own) return
    entry.target.inherited--
    const { kind, destination, producer, epoch } = entry
    this.#known.delete(keyOf(kind, destination, producer, epoch))
  }
}

function keyOf(kind: DestinationKind, destination: string, producer: string, epoch: number): string {
  return `${kind}${destination}\n${producer}\n${epoch}`
}

const NOTHING: readonly Dependency[] = []

function isTopic({ kind }: Dependency): boolean {
  return kind !== DestinationKind.host
}

function copyOf({ kind, destination, producer, epoch, number }: Dependency): Dependency {
  return { kind, destination, producer, epoch, number }
}
