import { Cursor, MAX_VARINT, writeVarint } from '../../../protocols/envelope/varint.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { Deliveries, type Delivery } from '../../core/delivery/deliveries.ts'

/**
 * What is stored of one host's deliveries, LEB128 each: the format's number, epoch, floor, and the ranges that are done as
 * differences. An ordinary record takes about 15 bytes, and two more for each range.
 */
const FORMAT = 1

let scratch = new Uint8Array(1_024)

export function encodeDeliveries({ epoch, floor, bounds }: Deliveries<Delivery>): Uint8Array {
  const most = (3 + bounds.length) * MAX_VARINT
  if (scratch.length < most) scratch = new Uint8Array(2 * most)
  let at = writeVarint(scratch, 0, FORMAT)
  at = writeVarint(scratch, at, epoch)
  at = writeVarint(scratch, at, floor)
  let previous = floor
  for (let i = 0; i < bounds.length; i++) {
    at = writeVarint(scratch, at, bounds[i]! - previous)
    previous = bounds[i]!
  }
  // An array of its own, because a store in memory keeps it: a part of a slab would keep the slab.
  return scratch.slice(0, at)
}

/** `ERR_CORRUPT` for what is no record. */
export function decodeDeliveries<T extends Delivery>(bytes: Uint8Array, entropy: number): Deliveries<T> {
  try {
    const cursor = new Cursor().open(bytes)
    if (cursor.varint() !== FORMAT) throw new MeshError('ERR_MALFORMED', 'an unknown format')
    const epoch = cursor.varint()
    const floor = cursor.varint()
    const bounds: number[] = []
    for (let previous = floor; cursor.position < bytes.length; ) bounds.push((previous += cursor.varint()))
    if (bounds.length % 2 !== 0) throw new MeshError('ERR_MALFORMED', 'a range without an end')
    return new Deliveries(entropy, epoch, floor, bounds)
  } catch (cause) {
    throw new MeshError('ERR_CORRUPT', 'the record of a host’s deliveries cannot be read', { cause })
  }
}
