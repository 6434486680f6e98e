import type { Segment } from './segment.ts'

const INITIAL = 1_024
/** After so many new keys the map that holds no more of them is made anew: one insertion more for each at most. A guess. */
const RENEWED = 4_096

/** Where a value stands. */
export interface Place {
  readonly segment: Segment
  /** Where its record begins in the segment. */
  readonly record: number
  /** Bytes of the record's payload. */
  readonly length: number
  /** Where the value begins in the payload. */
  readonly offset: number
  /** Bytes of the value. */
  readonly size: number
}

/** A segment, and how many keys have their value in it. */
interface Holding {
  readonly segment: Segment
  keys: number
}

/**
 * Which keys there are and where their values stand (Sheehy & Smith, "Bitcask: A Log-Structured Hash Table for Fast
 * Key/Value Data", 2010: the keydir). A million keys must not be a million objects: what is known of a key stands in
 * columns, in the row that a map gives its name.
 */
export class Directory {
  #rows = new Map<string, number>()
  /** Keys that came since it was made anew. */
  #came = 0
  readonly #free: number[] = []
  #used = 0
  #segment = new Uint32Array(INITIAL)
  #record = new Uint32Array(INITIAL)
  #length = new Uint32Array(INITIAL)
  #offset = new Uint32Array(INITIAL)
  #size = new Uint32Array(INITIAL)
  #version = new Float64Array(INITIAL)
  /** By number, those that hold a value, and how many keys have theirs there. */
  readonly #segments = new Map<number, Holding>()
  /** The one that a key was entered in last. */
  #entered: Holding | undefined
  #bytes = 0

  /** Bytes of all keys' records: what the store would take without anything outdated. */
  get bytes(): number {
    return this.#bytes
  }

  keys(): IterableIterator<string> {
    return this.#rows.keys()
  }

  /** How many keys have their value in a segment. */
  keysIn(segment: Segment): number {
    return this.#segments.get(segment.number)?.keys ?? 0
  }

  /** Keys, of whatever segment. */
  get size(): number {
    return this.#rows.size
  }

  /** The keys that have their value in a segment. Looks at all keys. */
  in(segment: Segment): string[] {
    const found: string[] = []
    for (const [key, row] of this.#rows) if (this.#segment[row] === segment.number) found.push(key)
    return found
  }

  /** 0 where there is no such key. */
  version(key: string): number {
    const row = this.#rows.get(key)
    return row === undefined ? 0 : this.#version[row]!
  }

  find(key: string): Place | undefined {
    const row = this.#rows.get(key)
    if (row === undefined) return undefined
    const { segment } = this.#segments.get(this.#segment[row]!)!
    return {
      segment,
      record: this.#record[row]!,
      length: this.#length[row]!,
      offset: this.#offset[row]!,
      size: this.#size[row]!
    }
  }

  /** Whether that is where the key's value stands now. */
  isAt(key: string, segment: Segment, record: number, offset: number): boolean {
    const row = this.#rows.get(key)
    return (
      row !== undefined &&
      this.#segment[row] === segment.number &&
      this.#record[row] === record &&
      this.#offset[row] === offset
    )
  }

  set(
    key: string,
    version: number,
    segment: Segment,
    record: number,
    length: number,
    offset: number,
    size: number
  ): void {
    let row = this.#rows.get(key)
    if (row === undefined) {
      row = this.#free.pop() ?? this.#used++
      if (row >= this.#version.length) this.#grow()
      if (++this.#came >= RENEWED) this.#renew()
      this.#rows.set(key, row)
      this.#enter(segment)
      this.#bytes += weight(key, size)
    } else {
      this.#move(this.#segment[row]!, segment)
      this.#bytes += size - this.#size[row]!
    }
    this.#segment[row] = segment.number
    this.#record[row] = record
    this.#length[row] = length
    this.#offset[row] = offset
    this.#size[row] = size
    this.#version[row] = version
  }

  delete(key: string): void {
    const row = this.#rows.get(key)
    if (row === undefined) return
    this.#leave(this.#segment[row]!)
    this.#bytes -= weight(key, this.#size[row]!)
    this.#rows.delete(key)
    this.#free.push(row)
  }

  /** Deletes the keys whose values stand in a segment: it goes, and they could not be read. */
  forget(segment: Segment): void {
    if (this.keysIn(segment) === 0) return
    for (const key of this.in(segment)) this.delete(key)
  }

  /**
   * A map in which keys come and go keeps, once it is old, what was ever in it (`NumberedTable` says why): here the key of
   * every message. A large one stays, since to copy it takes as long as many messages do.
   */
  #renew(): void {
    this.#came = 0
    if (this.#rows.size < RENEWED) this.#rows = new Map(this.#rows)
  }

  /** Most keys that are written again were written a moment ago. */
  #move(from: number, to: Segment): void {
    if (from === to.number) return
    this.#leave(from)
    this.#enter(to)
  }

  #enter(segment: Segment): void {
    const { number } = segment
    // Nearly always the one that grows.
    let known = this.#entered?.segment === segment ? this.#entered : this.#segments.get(number)
    if (known === undefined || known.keys === 0) this.#segments.set(number, (known = { segment, keys: 0 }))
    known.keys++
    this.#entered = known
  }

  #leave(number: number): void {
    const known = this.#segments.get(number)!
    if (--known.keys === 0) this.#segments.delete(number)
  }

  #grow(): void {
    const rows = 2 * this.#version.length
    this.#segment = widened(this.#segment, rows)
    this.#record = widened(this.#record, rows)
    this.#length = widened(this.#length, rows)
    this.#offset = widened(this.#offset, rows)
    this.#size = widened(this.#size, rows)
    const version = new Float64Array(rows)
    version.set(this.#version)
    this.#version = version
  }
}

/** Bytes that a key and its value take in a record of their own, its header included. */
function weight(key: string, size: number): number {
  return 32 + key.length + size
}

function widened(column: Uint32Array<ArrayBuffer>, rows: number): Uint32Array<ArrayBuffer> {
  const wider = new Uint32Array(rows)
  wider.set(column)
  return wider
}
