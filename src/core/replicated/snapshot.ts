import { pack, unpack } from '../../../protocols/envelope/messagepack.ts'
import { listOf, malformed, textOf, wholeOf } from './malformed.ts'
import { owned } from './owned.ts'

/**
 * A snapshot's bytes: frames, each a length of 4 bytes (big-endian) and MessagePack. The first says what comes,
 * `[FORMAT, [name, items, name, items …]]`; then, for each part in this order, `[name, items]` as often as it takes to carry the
 * list that the part gave, or `[name, state]` once where that is no list and `items` is -1.
 */
const FORMAT = 1
const NO_LIST = -1

/** Items of a list in one frame. A guess: half a ms of work where they are small. */
const MOST_ITEMS = 256

export type PartState = readonly [name: string, state: unknown]

/** Encodes as much as one frame carries each time it is asked. `ERR_UNREPRESENTABLE`, with a path that starts with the part's name. */
export function* framesOf(states: readonly PartState[]): Generator<Uint8Array, void> {
  yield frame([FORMAT, states.flatMap(([name, state]) => [name, Array.isArray(state) ? state.length : NO_LIST])])
  for (const [name, state] of states) {
    if (!Array.isArray(state)) yield frame([name, state], name)
    else
      for (let from = 0; from < state.length; from += MOST_ITEMS) {
        yield frame([name, state.slice(from, from + MOST_ITEMS)], name)
      }
  }
}

export function join(frames: Iterable<Uint8Array>): Uint8Array {
  const all = [...frames]
  const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const one of all) {
    bytes.set(one, at)
    at += one.length
  }
  return bytes
}

/** The parts in their order, sharing no memory with the bytes. `ERR_MALFORMED` unless they are all there, and nothing else. */
export function statesOf(bytes: Uint8Array): PartState[] {
  const frames = new FrameReader(bytes)
  const [format, announced] = frames.next()
  if (format !== FORMAT) throw malformed(`a snapshot that is not of format ${FORMAT}`)
  const names = listOf(announced, 'the parts')
  const states: PartState[] = []
  for (let i = 0; i < names.length; i += 2) {
    const name = textOf(names[i], 'the name of a part')
    states.push([name, stateOf(frames, name, wholeOf(names[i + 1], 'its items', NO_LIST))])
  }
  if (!frames.ended) throw malformed('a snapshot of more than it says')
  return states
}

function stateOf(frames: FrameReader, name: string, count: number): unknown {
  if (count === NO_LIST) return frames.of(name)
  const items: unknown[] = []
  while (items.length < count) for (const item of someOf(frames.of(name))) items.push(item)
  if (items.length > count) throw malformed(`more items of ${name} than it says`)
  return items
}

function someOf(items: unknown): readonly unknown[] {
  const some = listOf(items, 'the items of a part')
  if (some.length === 0) throw malformed('a frame without items')
  return some
}

function frame(content: unknown, root?: string): Uint8Array {
  const packed = pack(content, root)
  const bytes = new Uint8Array(4 + packed.length)
  new DataView(bytes.buffer).setUint32(0, packed.length)
  bytes.set(packed, 4)
  return bytes
}

class FrameReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length
  }

  next(): readonly unknown[] {
    const bytes = this.#bytes
    const start = this.#at + 4
    if (start > bytes.length) throw malformed('a snapshot that ends too early')
    const end = start + new DataView(bytes.buffer, bytes.byteOffset + this.#at, 4).getUint32(0)
    if (end > bytes.length) throw malformed('a snapshot that ends too early')
    this.#at = end
    return listOf(owned(unpack(bytes.subarray(start, end)), Infinity), 'a frame')
  }

  /** What the next frame carries, which must be one of the part. */
  of(part: string): unknown {
    const [name, content, ...more] = this.next()
    if (name !== part || more.length > 0) throw malformed(`no frame of ${part}`)
    return content
  }
}
