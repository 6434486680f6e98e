import type { Change } from './types.ts'

/**
 * Changes as one record: for each, length of the key u32, length of the value u32 with DELETED for none, key in UTF-8,
 * value. All of a batch is in one record, so that its checksum makes it whole or nothing.
 */
const DELETED = 0xffff_ffff
const LENGTHS = 8

/** Grows with the largest batch. Nothing awaits while it is in use. */
let scratch = Buffer.allocUnsafeSlow(65_536)

/** The batch in memory that the next call uses again; where each value begins goes to `offsets`, which has a place for each. */
export function encodeBatch(changes: readonly Change[], offsets: number[]): Uint8Array {
  let bound = 0
  for (const { key, value } of changes) bound += LENGTHS + 3 * key.length + (value?.length ?? 0)
  if (bound > scratch.length) scratch = Buffer.allocUnsafeSlow(2 * bound)
  let at = 0
  for (let i = 0; i < changes.length; i++) {
    const { key, value } = changes[i]!
    const length = writeKey(key, at + LENGTHS)
    scratch.writeUInt32LE(length, at)
    scratch.writeUInt32LE(value === undefined ? DELETED : value.length, at + 4)
    at += LENGTHS + length
    offsets[i] = at
    if (value === undefined) continue
    scratch.set(value, at)
    at += value.length
  }
  return scratch.subarray(0, at)
}

/** Returns its length in bytes. Most keys are short and ASCII: those cost no call. */
function writeKey(key: string, at: number): number {
  const { length } = key
  if (length > SHORT_KEY) return scratch.write(key, at)
  for (let i = 0; i < length; i++) {
    const code = key.charCodeAt(i)
    if (code > 0x7f) return scratch.write(key, at)
    scratch[at + i] = code
  }
  return length
}

/** Characters up to which a loop beats a call. A guess. */
const SHORT_KEY = 64

/** Calls `visit` for each change; `size` is undefined where it deletes. */
export function eachChange(
  batch: Buffer,
  visit: (key: string, offset: number, size: number | undefined) => void
): void {
  for (let at = 0; at < batch.length; ) {
    const length = batch.readUInt32LE(at)
    const size = batch.readUInt32LE(at + 4)
    at += LENGTHS
    const key = batch.toString('utf8', at, at + length)
    at += length
    visit(key, at, size === DELETED ? undefined : size)
    if (size !== DELETED) at += size
  }
}
