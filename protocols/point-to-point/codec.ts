import { pack, unpack } from '../envelope/messagepack.ts'
import { Cursor, MAX_VARINT, writeVarint } from '../envelope/varint.ts'
import { MeshError, type RemoteErrorShape } from '../errors.ts'
import { MAX_ERROR_TEXT, MAX_FLOW_BYTES, MAX_NAME_BYTES, MAX_RANGES } from './constants.ts'

/** `ranges`: first, last, first, last …, rising. */
export function encodeAck(ranges: readonly number[]): Uint8Array {
  const out = Buffer.allocUnsafe(ranges.length * MAX_VARINT)
  let at = 0
  let previous = 0
  for (let i = 0; i < ranges.length; i += 2) {
    at = writeVarint(out, at, ranges[i]! - previous)
    at = writeVarint(out, at, ranges[i + 1]! - ranges[i]!)
    previous = ranges[i + 1]!
  }
  return out.subarray(0, at)
}

/**
 * Calls `settle` for each range acknowledged, both ends included. `next` is the first number that was not sent; below it a
 * range may be as long as its sender likes, so `settle` must look at what waits and not at every number.
 */
export function decodeAck(body: Uint8Array, next: number, settle: (first: number, last: number) => void): void {
  const cursor = new Cursor().open(body)
  let previous = 0
  for (let ranges = 0; cursor.position < body.length; ranges++) {
    const first = previous + cursor.varint()
    const last = first + cursor.varint()
    if (last >= next || ranges >= MAX_RANGES) throw new MeshError('ERR_PROTOCOL', 'acknowledges what was never sent')
    settle(first, last)
    previous = last
  }
}

export interface Nak {
  sequence: number
  error: RemoteErrorShape
  /** ms to wait before the next attempt; undefined leaves it to the sender's retry strategy. */
  delay: number | undefined
}

export function encodeNak({ sequence, error, delay }: Nak): Uint8Array {
  return pack([sequence, ...shapeToArray(error), delay ?? null])
}

export function decodeNak(body: Uint8Array): Nak {
  const [sequence, name, code, message, retryable, thrown, delay] = unpackArray(body, 7)
  if (!Number.isSafeInteger(sequence)) throw new MeshError('ERR_MALFORMED', 'a refusal without a number')
  return {
    sequence: sequence as number,
    error: arrayToShape([name, code, message, retryable, thrown]),
    delay: typeof delay === 'number' && delay >= 0 ? delay : undefined
  }
}

/**
 * The place of a message among all that its sender's host numbers for this receiver's host: what it is recognised by when
 * it comes twice. Invariant: 1 <= floor <= number.
 */
export interface Place {
  /** Names the sender's numbering: ms since the epoch at which its store was made. A higher one replaces a lower one. */
  epoch: number
  number: number
  /** Every number below is settled at the sender, and never sent again. */
  floor: number
}

/** Bytes that a place can take. */
export const MAX_PLACE_BYTES = 3 * MAX_VARINT

export function writePlace(out: Uint8Array, position: number, { epoch, number, floor }: Place): number {
  position = writeVarint(out, position, epoch)
  position = writeVarint(out, position, number)
  return writeVarint(out, position, number - floor)
}

/** `ERR_MALFORMED` for what is no place. */
export function readPlace(cursor: Cursor): Place {
  const epoch = cursor.varint()
  const number = cursor.varint()
  const floor = number - cursor.varint()
  if (floor < 1) throw new MeshError('ERR_MALFORMED', 'a message with no number')
  return { epoch, number, floor }
}

export function encodeNumber(value: number): Uint8Array {
  const out = Buffer.allocUnsafe(MAX_VARINT)
  return out.subarray(0, writeVarint(out, 0, value))
}

export function decodeNumber(body: Uint8Array): number {
  return new Cursor().open(body).varint()
}

/** The messages of one type to one agent: what a pause holds back. An agent's name has no control characters. */
export function flowOf(name: string, type: string): string {
  return `${name}\0${type}`
}

export function encodeFlow(flow: string): Uint8Array {
  return Buffer.from(flow, 'utf8')
}

export function decodeFlow(body: Uint8Array): string {
  const name = body.indexOf(0)
  if (name < 1 || name > MAX_NAME_BYTES || name + 1 === body.length || body.length > MAX_FLOW_BYTES)
    throw new MeshError('ERR_MALFORMED', `a flow of ${body.length} bytes that are no name and type`)
  return Buffer.from(body).toString('utf8')
}

// ---- errors as they cross a link: an array of name, code, message, retryable, thrown -----------------------------------

export function shapeToArray(error: RemoteErrorShape): [string, string, string, boolean, boolean] {
  return [clip(error.name), clip(error.code), clip(error.message), error.retryable, error.thrown === true]
}

export function arrayToShape([name, code, message, retryable, thrown]: unknown[]): RemoteErrorShape {
  if (typeof name !== 'string' || typeof code !== 'string' || typeof message !== 'string') {
    throw new MeshError('ERR_MALFORMED', 'an error without its texts')
  }
  return {
    name: clip(name),
    code: clip(code),
    message: clip(message),
    retryable: retryable === true,
    thrown: thrown === true
  }
}

export function unpackArray(body: Uint8Array, length: number): unknown[] {
  const value = unpack(body)
  if (!Array.isArray(value) || value.length !== length)
    throw new MeshError('ERR_MALFORMED', 'a frame has not its fields')
  return value
}

function clip(text: string): string {
  // Half a surrogate pair, cut off here or written so, has no encoding: an error's text must never be an error.
  return (text.length > MAX_ERROR_TEXT ? `${text.slice(0, MAX_ERROR_TEXT - 1)}…` : text).toWellFormed()
}
