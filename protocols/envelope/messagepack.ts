import { Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE, Unpackr } from 'msgpackr'
import { MeshError } from '../errors.ts'
import { Kind, refuse, survey } from './kinds.ts'
import { readPlain } from './messagepack-plain-reader.ts'
import { NOT_PLAIN, writePlain } from './messagepack-plain-writer.ts'
import { scan } from './messagepack-scan.ts'
import { lift, lower } from './tags.ts'

/**
 * One value as MessagePack, by `msgpackr` fenced in: `survey` lets nothing in that it would change, `scan` nothing out
 * that it would misread. What it would change (-0 to 0, a Map to an object, a key `__proto__`) goes in tagged form.
 */

const packr = new Packr({ useRecords: false, variableMapSize: true, useBigIntExtension: true, useToJSON: false })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'bigint' })

const REFUSED = Kind.refused | Kind.loneSurrogate
const TAGGED = Kind.map | Kind.set | Kind.minusZero | Kind.tagLike | Kind.protoKey

/** The value that msgpackr may have. Throws `ERR_UNREPRESENTABLE`. */
function prepare(value: unknown, root: string | undefined): unknown {
  const kinds = survey(value)
  if (kinds & REFUSED) refuse(value, REFUSED, 'MessagePack', root)
  return kinds & TAGGED ? lift(value, TAGGED) : value
}

/** Bytes that nobody else writes to. Throws `ERR_UNREPRESENTABLE`, whose path starts with `root`. */
export function pack(value: unknown, root?: string): Uint8Array {
  const shared = slab
  const from = used
  const end = writePlain(value, shared, from, shared.length)
  if (end !== NOT_PLAIN) {
    // Unless a getter had something packed that made another.
    if (shared === slab) used = end
    return new Uint8Array(shared.buffer, from, end - from)
  }
  // The next one has room, if that was what it lacked.
  if (slab.length - used < SLAB_BYTES / 2) newSlab()
  const bytes = packr.pack(prepare(value, root))
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Bytes of memory that small values share. A guess, as of Node's own. */
const SLAB_BYTES = 8_192

let slab = new Uint8Array(SLAB_BYTES)
let used = 0

function newSlab(): void {
  slab = new Uint8Array(SLAB_BYTES)
  used = 0
}

/**
 * Writes into `target` from `at` on and returns the position after the value, or -1 where it does not fit. msgpackr is
 * not let loose on `target` itself: it aligns, leaves 2 KiB of slack, and keeps the buffer for whoever packs next.
 */
export function packInto(value: unknown, target: Uint8Array, at: number): number {
  const plain = writePlain(value, target, at, target.length)
  if (plain !== NOT_PLAIN) return plain
  const scratch = packr.pack(prepare(value, undefined), REUSE_BUFFER_MODE | RESET_BUFFER_MODE) as unknown as Scratch
  const { start, end } = scratch
  const after = at + end - start
  if (after > target.length) return -1
  if (end - start > SMALL) target.set(scratch.subarray(start, end), at)
  else for (let from = start, to = at; from < end; ) target[to++] = scratch[from++]!
  return after
}

interface Scratch extends Uint8Array {
  start: number
  end: number
}

/** Below this many bytes a loop copies faster than `set`. Measured. */
const SMALL = 96

/** The value that `bytes` are, all of them; a Uint8Array in it is a view of them. Throws `ERR_MALFORMED`. */
export function unpack(bytes: Uint8Array): unknown {
  return readPlain(bytes, unpackAny)
}

function unpackAny(bytes: Uint8Array): unknown {
  const tagged = scan(bytes, 0, bytes.length)
  let value: unknown
  try {
    // msgpackr leaves a property on the array that it reads, which must not be the caller's
    value = unpackr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  } catch (cause) {
    throw new MeshError('ERR_MALFORMED', 'the MessagePack could not be read', { cause })
  }
  return tagged ? lower(value) : value
}
