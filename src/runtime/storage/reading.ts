import { MeshError } from '../../../protocols/errors.ts'
import type { Place } from './directory.ts'
import { HEADER_BYTES, isIntact } from './record.ts'

/** Values that stand no further apart are read at once, with what is between them. A guess: a read costs 20 µs. */
const GAP = 16_384
/** Bytes read at once. */
const RUN = 1_048_576

/** The value at a place. `ERR_STORAGE`; `ERR_CORRUPT` where the record around it is not what was written. */
export async function readValue(place: Place): Promise<Uint8Array> {
  const bytes = await place.segment.read(place.record, HEADER_BYTES + place.length)
  assertIntact(bytes, 0, place)
  return valueIn(bytes, 0, place)
}

/** The values at some places, in their order, in as few reads as that takes. */
export async function readValues(places: readonly Place[]): Promise<Uint8Array[]> {
  const order = places.map((place, i) => ({ place, i }))
  order.sort((a, b) => a.place.segment.number - b.place.segment.number || a.place.record - b.place.record)
  const values = new Array<Uint8Array>(places.length)
  const releases = Array.from(new Set(places.map(({ segment }) => segment)), (segment) => segment.hold())
  try {
    for (let from = 0; from < order.length; ) {
      const { segment, record: begin } = order[from]!.place
      let to = from
      let end = begin
      for (; to < order.length; to++) {
        const { place } = order[to]!
        const last = place.record + HEADER_BYTES + place.length
        if (to > from && (place.segment !== segment || place.record > end + GAP || last > begin + RUN)) break
        end = Math.max(end, last)
      }
      const bytes = await segment.read(begin, end - begin)
      let intact = -1
      for (; from < to; from++) {
        const { place, i } = order[from]!
        const at = place.record - begin
        // Many values stand in one record: it is looked through once.
        if (place.record !== intact) assertIntact(bytes, at, place)
        intact = place.record
        values[i] = valueIn(bytes, at, place)
      }
    }
  } finally {
    for (const release of releases) release()
  }
  return values
}

function assertIntact(bytes: Buffer, at: number, { segment, record, length }: Place): void {
  if (bytes.length < at + HEADER_BYTES + length || !isIntact(bytes, at, length)) {
    const message = `the record at ${record} of ${segment.name} is not what was written`
    throw new MeshError('ERR_CORRUPT', message, { details: { file: segment.name, offset: record } })
  }
}

/** A copy, so that whoever keeps a value keeps no more than that. */
function valueIn(bytes: Buffer, at: number, { offset, size }: Place): Uint8Array {
  const begin = at + HEADER_BYTES + offset
  return new Uint8Array(bytes.subarray(begin, begin + size))
}
