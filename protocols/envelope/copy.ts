/**
 * Small copies cut from one slab, as `Buffer` does with its pool: an array of its own costs an allocation outside the
 * heap, which took longer than all else about a message of 128 bytes (measured).
 */
const SLAB = 16_384
const LARGEST = SLAB >> 2

let slab = new Uint8Array(SLAB)
let used = 0

/** The bytes of `source` from `start` on, which nobody else writes to. */
export function copyFrom(source: Uint8Array, start: number): Uint8Array {
  const length = source.length - start
  if (length > LARGEST) return Uint8Array.prototype.slice.call(source, start)
  if (used + length > SLAB) {
    slab = new Uint8Array(SLAB)
    used = 0
  }
  const copy = new Uint8Array(slab.buffer, used, length)
  used += (length + 7) & ~7
  if (length < SHORT) for (let i = 0; i < length; i++) copy[i] = source[start + i]!
  else copy.set(start === 0 ? source : source.subarray(start))
  return copy
}

/** Bytes up to which a loop beats a view and a call. Measured. */
const SHORT = 96
