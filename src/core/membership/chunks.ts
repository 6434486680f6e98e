import { CHUNK_BYTES, MAX_DELTA_ENTRIES, MAX_DELTA_ITEMS } from '../../../protocols/overlay/constants.ts'
import type { Delta, DeltaEntry, DeltaItem } from '../../../protocols/overlay/messages.ts'
import type { Known } from './known.ts'
import { sizeOf } from './log.ts'

/** What of a member a delta is to say. */
export interface Part {
  member: Known
  record: boolean
  /** The changes after this version; undefined for none. */
  after: number | undefined
  accuser: string | undefined
}

const ITEM_BYTES = 300

/**
 * The parts as deltas that each fit a frame. Every member's chunks follow each other without a gap in versions, so
 * that a receiver takes each in as it comes.
 */
export function toDeltas(parts: Iterable<Part>, answer: boolean): Delta[] {
  const deltas: Delta[] = []
  let items: DeltaItem[] = []
  let room = CHUNK_BYTES
  const close = () => {
    deltas.push({ kind: 'delta', last: false, items })
    items = []
    room = CHUNK_BYTES
  }
  for (const part of parts) {
    let item = begin(part, part.after ?? 0)
    let size = ITEM_BYTES + (item.record?.blob.byteLength ?? 0)
    if (room < size || items.length >= MAX_DELTA_ITEMS) close()
    items.push(item)
    room -= size
    for (const entry of part.after === undefined ? [] : part.member.log.since(item.full ? 0 : part.after)) {
      size = sizeOf(entry)
      if (room < size || item.entries.length >= MAX_DELTA_ENTRIES) {
        item.done = false
        item.to = item.entries.at(-1)?.version ?? item.from
        const { to } = item
        close()
        item = { ...begin({ ...part, record: false }, to), full: item.full }
        items.push(item)
        room -= ITEM_BYTES
      }
      item.entries.push(toWire(entry))
      room -= size
    }
  }
  if (items.length > 0 || (answer && deltas.length === 0)) close()
  const last = deltas.at(-1)
  if (answer && last !== undefined) last.last = true
  return deltas
}

function begin({ member, record, after, accuser }: Part, from: number): DeltaItem {
  // A receiver that knows nothing has nothing to lose, so for it the log is whole without saying so.
  const full = from > 0 && from < member.log.floor
  return {
    peer: member.peer,
    incarnation: member.incarnation,
    refutation: member.refutation,
    state: member.state,
    accuser: member.state === 'suspect' ? accuser : undefined,
    record: record && member.signed.blob.byteLength > 0 ? member.signed : undefined,
    from: full ? 0 : from,
    to: after === undefined ? from : member.version,
    done: after !== undefined,
    full,
    floor: member.log.floor,
    entries: []
  }
}

function toWire({ key, version, value }: DeltaEntry): DeltaEntry {
  return { key, version, value }
}
