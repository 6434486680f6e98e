/**
 * The frames that are nearly all of the traffic, proposals, reads and their results, written and read as MessagePack without
 * a list and an object for each call in between. Measured: a fifth of the time, a half for decoding answers. What is not of this kind, or not surely
 * well-formed, is for `codec.ts` to write, read or refuse; the bytes mean the same.
 */

import { MAX_BATCH, Op } from './constants.ts'
import { isShort, Reader, Writer } from './messagepack.ts'
import type { Answer, Call, Calls, Done } from './messages.ts'

/** Bytes of a call or an answer beside its texts and bytes, at most. */
const OVERHEAD = 48
// ---- writing -------------------------------------------------------------------------------------------------------

/** Undefined where a call is of another kind. */
export function encodeUsualCalls({ group, calls }: Calls): Uint8Array | undefined {
  let bound = OVERHEAD
  for (const call of calls) {
    if (call.op === 'propose') bound += OVERHEAD + call.command.length
    else if (call.op === 'read') bound += OVERHEAD + call.question.length
    else if (call.op === 'index') bound += OVERHEAD
    else return undefined
    if (call.op === 'read' && !isShort(call.part)) return undefined
  }
  if (!isShort(group)) return undefined
  const writer = new Writer(bound)
  writer.byte(0x92)
  writer.text(group)
  writer.list(calls.length)
  for (const call of calls) writeCall(writer, call)
  return writer.finish()
}

function writeCall(writer: Writer, call: Call): void {
  if (call.op === 'propose') {
    writer.byte(0x93)
    writer.whole(call.id)
    writer.byte(Op.propose)
    writer.bytes(call.command)
  } else if (call.op === 'read') {
    writer.byte(0x95)
    writer.whole(call.id)
    writer.byte(Op.read)
    if (call.least === undefined) writer.byte(0xc0)
    else writer.whole(call.least)
    writer.text(call.part)
    writer.bytes(call.question)
  } else {
    writer.byte(0x92)
    writer.whole(call.id)
    writer.byte(Op.index)
  }
}

/** Undefined where one of them is a refusal. */
export function encodeUsualAnswers(answers: readonly Answer[]): Uint8Array | undefined {
  let bound = OVERHEAD
  for (const answer of answers) {
    if ('code' in answer) return undefined
    bound += OVERHEAD + answer.value.length
  }
  const writer = new Writer(bound)
  writer.list(answers.length)
  for (const { id, index, term, value, rest } of answers as readonly Done[]) {
    writer.byte(0x95)
    writer.whole(id)
    writer.whole(index)
    writer.whole(term)
    writer.bytes(value)
    writer.whole(rest)
  }
  return writer.finish()
}

// ---- reading -------------------------------------------------------------------------------------------------------

/** Undefined where a call is of another kind, or anything is wrong. */
export function decodeUsualCalls(body: Uint8Array): Calls | undefined {
  const reader = new Reader(body)
  if (reader.byte() !== 0x92) return undefined
  const group = reader.text('')
  const count = reader.list()
  if (group === undefined || group === '' || count > MAX_BATCH) return undefined
  const calls: Call[] = []
  let part = ''
  for (let i = 0; i < count; i++) {
    const call = readCall(reader, part)
    if (call === undefined) return undefined
    if (call.op === 'read') part = call.part
    calls.push(call)
  }
  return reader.ended ? { group, calls } : undefined
}

/** `known` is likely to be its part. */
function readCall(reader: Reader, known: string): Call | undefined {
  const token = reader.byte()
  const id = reader.whole()
  const op = reader.byte()
  if (id < 0) return undefined
  if (token === 0x92 && op === Op.index) return { op: 'index', id }
  if (token === 0x93 && op === Op.propose) {
    const command = reader.bytes()
    return command && { op: 'propose', command, id }
  }
  if (token !== 0x95 || op !== Op.read) return undefined
  const least = reader.nil() ? undefined : reader.whole()
  const part = reader.text(known)
  const question = reader.bytes()
  if (part === undefined || question === undefined || (least !== undefined && least < 0)) return undefined
  return { op: 'read', least, part, question, id }
}

/** Undefined where one of them is a refusal, or anything is wrong. */
export function decodeUsualAnswers(body: Uint8Array): Answer[] | undefined {
  const reader = new Reader(body)
  const count = reader.list()
  if (count > MAX_BATCH) return undefined
  const answers: Answer[] = []
  for (let i = 0; i < count; i++) {
    if (reader.byte() !== 0x95) return undefined
    const id = reader.whole()
    const index = reader.whole()
    const term = reader.whole()
    if (id < 0 || index < 0 || term < 0) return undefined
    const value = reader.bytes()
    const rest = reader.whole()
    if (value === undefined || rest < 0) return undefined
    answers.push({ id, index, term, value, rest })
  }
  return reader.ended ? answers : undefined
}
