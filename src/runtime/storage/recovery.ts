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
  let synced = 0
  let held: { record: Found; segment: Segment }[] = []
  /** Gaps that no witness has passed yet, with the index that was due there. */
  let gaps: { gap: Gap; segment: Segment; due: number }[] = []
  let last = 0

  /** All up to `index` had been synced: what was held back below it is told, gaps below it are damage. */
  const witness = async (index: number): Promise<void> => {
    if (index <= synced) return
    synced = index
    let count = 0
    for (const { record, segment } of held) {
      if (record.index > index) break
      visit(record, segment)
      count++
    }
    held = held.slice(count)
    const damaged = gaps.filter(({ due }) => due <= index)
    gaps = gaps.filter(({ due }) => due > index)
    for (const { gap, segment } of damaged) await setAside(disk, segment, gap, report)
  }

  for (const [i, segment] of segments.entries()) {
    if (segment.first > 0) await witness(segment.first - 1)
    else await setAside(disk, segment, { offset: 0, bytes: Math.min(HEADER_BYTES, segment.end) }, report)
    const fence = segments.slice(i + 1).find(({ first }) => first > 0)?.first ?? Number.POSITIVE_INFINITY
    const found: Gap[] = []
    reading: for await (const records of scan(segment.file, HEADER_BYTES, (gap) => found.push(gap))) {
      for (const record of records) {
        if (record.index >= fence) break reading
        if (record.index <= last) continue
        while (found.length > 0 && found[0]!.offset < record.offset)
          gaps.push({ gap: found.shift()!, segment, due: last + 1 })
        if (record.witness > synced) await witness(record.witness)
        if (record.index <= synced) visit(record, segment)
        else held.push({ record, segment })
        last = record.index
      }
    }
    const due = Math.max(last + 1, segment.first)
    if (due < fence) for (const gap of found) gaps.push({ gap, segment, due })
  }
  const tail = contiguous(held, synced)
  // Whole records behind a hole: a crash may write pages in any order, but so does rot look. They are kept for a person.
  const [torn] = gaps
  if (torn !== undefined && tail.length < held.length) {
    const { gap, segment } = torn
    await setAside(disk, segment, { offset: gap.offset, bytes: segment.end - gap.offset }, report)
  }
  return { synced, tail }
}

function contiguous(held: readonly { record: Found }[], synced: number): Found[] {
  const tail: Found[] = []
  for (const { record } of held) {
    if (record.index !== synced + tail.length + 1) break
    tail.push(record)
  }
  return tail
}

/** Keeps a copy of damaged bytes beside their segment, for whoever wants to look at them; reports what is new. */
async function setAside(disk: Disk, segment: Segment, { offset, bytes }: Gap, report: StorageReport): Promise<void> {
  const aside = await disk.open(`${segment.name}.${offset}.corrupt`)
  try {
    // An earlier start has seen it.
    if (aside.size === bytes) return
    await aside.write(await segment.file.read(offset, bytes), 0)
    await aside.sync()
  } finally {
    await aside.close()
  }
  await disk.sync()
  report({ kind: 'storage-damaged', file: segment.name, offset, bytes })
}
