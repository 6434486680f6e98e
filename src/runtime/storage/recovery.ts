import type { Disk } from '../ports.ts'
import { HEADER_BYTES } from './record.ts'
import { type Found, type Gap, scan } from './scan.ts'
import type { Segment } from './segment.ts'
import type { StorageReport } from './types.ts'

/** A record that is known to have been synced, and where it is. */
export type Visit = (record: Found, segment: Segment) => void

/** What stands behind the last witness: intact, in order, perhaps promised, perhaps not on disk for good. */
export interface Recovered {
  /** Index of the last record that is known to have been synced. */
  readonly synced: number
  /** The records right behind it, contiguous. */
  readonly tail: readonly Found[]
}

/**
 * Reads the segments of a log and tells `visit` of every record that was promised, in order. What a crash tore off at
 * the end is left out silently; what is damaged before it is set aside and reported.
 */
export async function recover(
  disk: Disk,
  segments: readonly Segment[],
  visit: Visit,
  report: StorageReport
): Promise<Recovered> {
  for (const segment of segments) if (segment.first === 0) await restoreHeader(disk, segment, report)
  const recovery = new Recovery(disk, visit, report)
  for (const [i, segment] of segments.entries()) {
    // Without a header and without a record it is no segment.
    if (segment.first === 0) await disk.rename(segment.name, `${segment.name}.corrupt`)
    else await recovery.read(segment, segments.slice(i + 1))
  }
  return recovery.end()
}

class Recovery {
  readonly #disk: Disk
  readonly #visit: Visit
  readonly #report: StorageReport
  /** Every record up to this index had been synced, says the best witness so far. */
  #synced = 0
  /** Index of the last intact record. */
  #last = 0
  /** Intact records behind `#synced`, in order. */
  #held: { readonly record: Found; readonly segment: Segment }[] = []
  /** Damage behind `#synced`, with the index that was due there. */
  #gaps: { readonly gap: Gap; readonly segment: Segment; readonly due: number }[] = []

  constructor(disk: Disk, visit: Visit, report: StorageReport) {
    this.#disk = disk
    this.#visit = visit
    this.#report = report
  }

  /** One segment after the other. From the index on with which one of the `later` begins it counts for nothing. */
  async read(segment: Segment, later: readonly Segment[]): Promise<void> {
    const fence = later.find(({ first }) => first > 0)?.first ?? Number.POSITIVE_INFINITY
    await this.#witness(segment.first - 1)
    const gaps: Gap[] = []
    reading: for await (const records of scan(segment.file, HEADER_BYTES, (gap) => gaps.push(gap))) {
      for (const record of records) {
        if (record.index >= fence) break reading
        if (record.index <= this.#last) continue
        segment.mark(record.index, record.offset)
        while (gaps.length > 0 && gaps[0]!.offset < record.offset) this.#miss(segment, gaps.shift()!)
        if (record.witness > this.#synced) await this.#witness(record.witness)
        if (record.index <= this.#synced) this.#visit(record, segment)
        else this.#held.push({ record, segment })
        this.#last = record.index
      }
    }
    if (Math.max(this.#last + 1, segment.first) >= fence) return
    for (const gap of gaps) this.#miss(segment, gap)
    // Cut off between two records it looks whole: its successor knows that there was more.
    const [next] = later
    if (gaps.length === 0 && next !== undefined && next.first > 0)
      this.#miss(segment, { offset: segment.end, bytes: 0 })
  }

  async end(): Promise<Recovered> {
    const tail: Found[] = []
    for (const { record } of this.#held) {
      if (record.index !== this.#synced + tail.length + 1) break
      tail.push(record)
    }
    // Whole records behind a hole: a crash may write pages in any order, but so does rot look. A person may judge.
    const [torn] = this.#gaps
    if (torn !== undefined && tail.length < this.#held.length) {
      const { gap, segment } = torn
      await setAside(this.#disk, segment, { offset: gap.offset, bytes: segment.end - gap.offset }, this.#report)
    }
    return { synced: this.#synced, tail }
  }

  #miss(segment: Segment, gap: Gap): void {
    this.#gaps.push({ gap, segment, due: Math.max(this.#last + 1, segment.first) })
  }

  /** All up to `index` had been synced: what was held back below it is told, gaps below it are damage. */
  async #witness(index: number): Promise<void> {
    if (index <= this.#synced) return
    this.#synced = index
    const beyond = this.#held.findIndex(({ record }) => record.index > index)
    const promised = this.#held.splice(0, beyond < 0 ? this.#held.length : beyond)
    for (const { record, segment } of promised) this.#visit(record, segment)
    const damaged = this.#gaps.filter(({ due }) => due <= index)
    this.#gaps = this.#gaps.filter(({ due }) => due > index)
    for (const { gap, segment } of damaged) await setAside(this.#disk, segment, gap, this.#report)
  }
}

/** A damaged header said where the segment begins; its first record says so as well. */
async function restoreHeader(disk: Disk, segment: Segment, report: StorageReport): Promise<void> {
  await setAside(disk, segment, { offset: 0, bytes: Math.min(HEADER_BYTES, segment.end) }, report)
  for await (const [record] of scan(segment.file, HEADER_BYTES, () => {})) {
    segment.first = record!.index
    return
  }
}

/** Keeps a copy of damaged bytes beside their segment, for whoever wants to look at them; reports what is new. */
export async function setAside(
  disk: Disk,
  segment: Segment,
  { offset, bytes }: Gap,
  report: StorageReport
): Promise<void> {
  const name = `${segment.name}.${offset}.corrupt`
  const known = (await disk.list()).includes(name)
  const aside = await disk.open(name)
  try {
    // An earlier start has seen it.
    if (known && aside.size === bytes) return
    await aside.write(await segment.file.read(offset, bytes), 0)
    await aside.sync()
  } finally {
    await aside.close()
  }
  await disk.sync()
  report({ kind: 'storage-damaged', file: segment.name, offset, bytes })
}
