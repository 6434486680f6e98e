import { Cursor, MAX_VARINT, writeVarint } from '../../../protocols/envelope/varint.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { Deliveries, type Delivery } from '../../core/delivery/deliveries.ts'
import type { Change, Store } from '../storage/types.ts'

/** The first number of both parts. */
const FORMAT = 1
/** Ranges of the young part: with more, the older half of them joins the old one. A guess: twice what 256 in flight leave open. */
const MOST_YOUNG = 256

/**
 * What is stored of one host's deliveries, so that what a write costs does not grow with what its sender leaves unsettled: a
 * young part that every write replaces, and an old one with the ranges below `split`, which is written only where
 * something in it changes. LEB128 each, the ranges as differences:
 *
 *     inbox/<peer>      format epoch floor split ranges…     usually one range and 20 bytes
 *     inbox/<peer>/old  format epoch ranges…                 not there while `split` is 1
 *
 * Invariant: both of them, or neither, are of the same write, unless the old one has not changed since.
 */
export class DeliveryRecord {
  /** Of the young part, which is in every write. */
  readonly key: string
  readonly #store: Store
  readonly #mostYoung: number
  #split = 1
  #epoch = 0
  /** The old part on disk is another than memory holds it to be. */
  #stale = false

  constructor(peer: string, store: Store, mostYoung = MOST_YOUNG) {
    this.#mostYoung = mostYoung
    this.key = `inbox/${peer}`
    this.#store = store
  }

  /** `entropy`: any integer, which no peer knows. `ERR_STORAGE`, `ERR_CORRUPT`. */
  async load<T extends Delivery>(entropy: number): Promise<Deliveries<T>> {
    const young = await this.#store.get(this.key)
    if (young === undefined) return new Deliveries(entropy)
    const [epoch, floor, split, ...bounds] = numbersOf(young, 4)
    if (split! > 1) {
      const old = await this.#store.get(this.#oldKey)
      const [oldEpoch, ...older] = old === undefined ? [] : numbersOf(old, 2)
      if (oldEpoch !== epoch) throw unreadable()
      join(older, bounds)
    }
    this.#epoch = epoch!
    this.#split = split!
    return new Deliveries(entropy, epoch, floor, bounds)
  }

  /** What is to be written once these are done. */
  changes({ epoch, floor, bounds }: Deliveries<Delivery>, done: readonly Delivery[]): Change[] {
    let split = epoch !== this.#epoch || floor >= this.#split ? 1 : this.#split
    let at = bounds.length
    while (at > 0 && bounds[at - 2]! >= split) at -= 2
    if (bounds.length - at > 2 * this.#mostYoung) {
      at = bounds.length - 2 * Math.ceil(this.#mostYoung / 2)
      split = bounds[at]!
    }
    const stale = this.#stale || split !== this.#split || (split > 1 && done.some(({ number }) => number < split))
    this.#epoch = epoch
    this.#split = split
    const young = bounds.slice(at)
    // A gap that was closed since may have made one range of what lies on both sides.
    const across = at > 0 && bounds[at - 1]! >= split
    if (across) young.unshift(split, bounds[at - 1]!)
    const changes: Change[] = [{ key: this.key, value: bytesOf([FORMAT, epoch, floor, split], young) }]
    if (stale) {
      const old = bounds.slice(0, at)
      if (across) old[at - 1] = split - 1
      changes.push({ key: this.#oldKey, value: split === 1 ? undefined : bytesOf([FORMAT, epoch], old) })
    }
    return changes
  }

  /** The changes that were asked for last are on their way. */
  given(): void {
    this.#stale = false
  }

  /** Some of what was given was not written: nobody knows which old part is on disk. */
  failed(): void {
    this.#stale = true
  }

  get #oldKey(): string {
    return `${this.key}/old`
  }
}

/** Puts the older ranges before the others: the last of them may go on as the first of these. */
function join(older: readonly number[], bounds: number[]): void {
  if (older.length === 0) return
  if (older.at(-1)! + 1 === bounds[0]) bounds.splice(0, 1, ...older.slice(0, -1))
  else bounds.unshift(...older)
}

let scratch = new Uint8Array(1_024)

function bytesOf(head: readonly number[], bounds: readonly number[]): Uint8Array {
  const most = (head.length + bounds.length) * MAX_VARINT
  if (scratch.length < most) scratch = new Uint8Array(2 * most)
  let at = 0
  for (const number of head) at = writeVarint(scratch, at, number)
  let previous = 0
  for (const bound of bounds) {
    at = writeVarint(scratch, at, bound - previous)
    previous = bound
  }
  // An array of its own, because a store in memory keeps it: a part of a slab would keep the slab.
  return scratch.slice(0, at)
}

/** All that is behind the format's number, the ranges whole again. */
function numbersOf(bytes: Uint8Array, head: number): number[] {
  const numbers: number[] = []
  try {
    const cursor = new Cursor().open(bytes)
    if (cursor.varint() !== FORMAT) throw unreadable()
    for (let i = 1; i < head; i++) numbers.push(cursor.varint())
    for (let previous = 0; cursor.position < bytes.length; ) numbers.push((previous += cursor.varint()))
  } catch (cause) {
    throw unreadable(cause)
  }
  if ((numbers.length - head + 1) % 2 !== 0) throw unreadable()
  return numbers
}

function unreadable(cause?: unknown): MeshError {
  return new MeshError('ERR_CORRUPT', 'the record of a host’s deliveries cannot be read', { cause })
}
