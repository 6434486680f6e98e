import { pack, unpack } from '../envelope/messagepack.ts'
import { MeshError } from '../errors.ts'
import { MAX_GROUP_BYTES, MAX_MEMBERS, MAX_PEER_BYTES } from '../raft/constants.ts'
import { MAX_BATCH, MAX_MESSAGE_BYTES, MAX_PART_BYTES, Op } from './constants.ts'
import type { Answer, Call, CallBody, Calls } from './messages.ts'

export function encodeCalls({ group, calls }: Calls): Uint8Array {
  return pack([group, calls.map((call) => [call.id, Op[call.op], ...argumentsOf(call)])])
}

function argumentsOf(call: CallBody): unknown[] {
  switch (call.op) {
    case 'propose':
      return [call.command]
    case 'read':
      return [call.least ?? null, call.part, call.question]
    case 'await':
      return [call.part, call.question, call.known]
    case 'follow':
      return [call.from, call.bytes, call.part]
    case 'change':
      return [call.voters, call.learners]
    case 'transfer':
      return [call.to ?? null]
    case 'index':
    case 'snapshot':
      return []
  }
}

/** `ERR_MALFORMED` for what breaks a limit or a type, `ERR_PROTOCOL` for an unknown operation. Bytes in it are views of `body`. */
export function decodeCalls(body: Uint8Array): Calls {
  const [group, calls] = list(unpack(body), 2)
  if (group === '') throw malformed('a group')
  return { group: text(group, MAX_GROUP_BYTES), calls: batch(calls).map(decodeCall) }
}

function decodeCall(value: unknown): Call {
  if (!Array.isArray(value) || value.length < 2) throw malformed('a call')
  const [id, op, ...args] = value as unknown[]
  return { id: whole(id), ...bodyOf(op, args) }
}

function bodyOf(op: unknown, args: readonly unknown[]): CallBody {
  switch (op) {
    case Op.propose: {
      const [command] = list(args, 1)
      return { op: 'propose', command: bytes(command) }
    }
    case Op.index:
      list(args, 0)
      return { op: 'index' }
    case Op.read: {
      const [least, part, question] = list(args, 3)
      return {
        ...{ op: 'read', least: least === null ? undefined : whole(least) },
        ...{ part: text(part, MAX_PART_BYTES), question: bytes(question) }
      }
    }
    case Op.await: {
      const [part, question, known] = list(args, 3)
      return { op: 'await', part: text(part, MAX_PART_BYTES), question: bytes(question), known: bytes(known) }
    }
    case Op.follow: {
      const [from, most, part] = list(args, 3)
      return { op: 'follow', from: whole(from), bytes: whole(most), part: text(part, MAX_PART_BYTES) }
    }
    case Op.change: {
      const [voters, learners] = list(args, 2)
      return { op: 'change', voters: peers(voters), learners: peers(learners) }
    }
    case Op.transfer: {
      const [to] = list(args, 1)
      return { op: 'transfer', to: to === null ? undefined : text(to, MAX_PEER_BYTES) }
    }
    case Op.snapshot:
      list(args, 0)
      return { op: 'snapshot' }
    default:
      throw new MeshError('ERR_PROTOCOL', 'consensus: a call of an unknown operation')
  }
}

export function encodeAnswers(answers: readonly Answer[]): Uint8Array {
  return pack(
    answers.map((answer) =>
      'code' in answer
        ? [answer.id, answer.code, answer.message, answer.leader ?? null, answer.members ?? null]
        : [answer.id, answer.index, answer.term, answer.value, answer.rest]
    )
  )
}

/** `ERR_MALFORMED`. Bytes in it are views of `body`. */
export function decodeAnswers(body: Uint8Array): Answer[] {
  return batch(unpack(body)).map((value) => {
    if (!Array.isArray(value)) throw malformed('an answer')
    if (typeof value[1] === 'number') {
      const [id, index, term, bare, rest] = list(value, 5)
      return { id: whole(id), index: whole(index), term: whole(term), value: bytes(bare), rest: whole(rest) }
    }
    const [id, code, message, leader, members] = list(value, 5)
    return {
      ...{ id: whole(id), code: text(code, MAX_PART_BYTES), message: text(message, MAX_MESSAGE_BYTES) },
      leader: leader === null ? undefined : text(leader, MAX_PEER_BYTES),
      members: members === null ? undefined : peers(members)
    }
  })
}

export function encodeCancel(ids: readonly number[]): Uint8Array {
  return pack(ids)
}

/** `ERR_MALFORMED`. */
export function decodeCancel(body: Uint8Array): number[] {
  return batch(unpack(body)).map(whole)
}

function list(value: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw malformed(`${length} fields`)
  return value
}

function batch(value: unknown): readonly unknown[] {
  if (!Array.isArray(value) || value.length > MAX_BATCH) throw malformed(`a list of at most ${MAX_BATCH}`)
  return value
}

function peers(value: unknown): string[] {
  if (!Array.isArray(value) || value.length > MAX_MEMBERS) throw malformed(`at most ${MAX_MEMBERS} members`)
  return value.map((peer) => text(peer, MAX_PEER_BYTES))
}

function text(value: unknown, limit: number): string {
  if (typeof value !== 'string' || Buffer.byteLength(value) > limit) throw malformed(`a text of at most ${limit} bytes`)
  return value
}

function whole(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw malformed('a whole number')
  return value as number
}

function bytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw malformed('bytes')
  return value
}

function malformed(expected: string): MeshError {
  return new MeshError('ERR_MALFORMED', `consensus frame: ${expected} expected`)
}
