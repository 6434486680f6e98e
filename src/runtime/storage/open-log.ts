import type { Disk } from '../ports.ts'
import { storageError } from './failure.ts'
import { Group } from './group.ts'
import { HEADER_BYTES } from './record.ts'
import { recover } from './recovery.ts'
import { createSegment, openSegments, type Segment } from './segment.ts'
import { type LogOptions, SegmentLog } from './segment-log.ts'

/**
 * The log of a folder, with whatever is intact in it; a new one where there is none. Rejects with `ERR_STORAGE` where
 * the folder cannot be read or written, or holds a newer version's log.
 *
 * @example
 * const log = await openLog(new FileDisk('./data/topics'), { report: (event) => console.warn(event) })
 */
export async function openLog(disk: Disk, options: LogOptions = {}): Promise<SegmentLog> {
  const opened: Segment[] = []
  try {
    await openSegments(disk, opened)
    return await begin(disk, options, opened)
  } catch (cause) {
    for (const segment of opened) await segment.retire()
    throw storageError('the data folder cannot be opened', cause)
  }
}

/**
 * Every life of a log writes to files of its own, the first of which also says, by being there, that the folder can be
 * written. What stands behind the last witness may be in the kernel's memory alone, even if it can be read: it is
 * written again before it counts.
 */
async function begin(disk: Disk, options: LogOptions, found: readonly Segment[]): Promise<SegmentLog> {
  const { report = () => {}, visit = () => {} } = options
  const { synced, tail } = await recover(disk, found, visit, report)
  const group = new Group()
  for (const { index, payload } of tail) group.add(index, index - synced, payload)
  const number = (found.at(-1)?.number ?? 0) + 1
  const current = await createSegment(disk, number, synced + 1, group.bytes)
  let offset = HEADER_BYTES
  for (const record of tail) {
    visit({ ...record, offset }, current)
    offset += HEADER_BYTES + record.payload.length
  }
  const segments: Segment[] = []
  for (const segment of found) {
    if (segment.first > 0 && !segment.isEmpty) segments.push(segment)
    else await segment.retire()
    // What is no segment has another name by now.
    if (segment.first > 0 && segment.isEmpty) await disk.remove(segment.name)
  }
  return new SegmentLog(disk, options, [...segments, current], synced + tail.length)
}
