import { Fields } from '../envelope/fields.ts'
import { pack, unpack } from '../envelope/messagepack.ts'
import { MeshError } from '../errors.ts'
import { MAX_GROUP_BYTES, MAX_MEMBERS, MAX_PEER_BYTES } from '../raft/constants.ts'
import { MAX_BATCH, MAX_MESSAGE_BYTES, MAX_PART_BYTES, Op } from './constants.ts'
import type { Answer, Call, CallBody, Calls } from './messages.ts'
import { decodeUsualAnswers, decodeUsualCalls, encodeUsualAnswers, encodeUsualCalls } from './usual.ts'

const fields = new Fields('consensus')

export function encodeCalls(frame: Calls): Uint8Array {
  const { group, calls } = frame
  return encodeUsualCalls(frame) ?? pack([group, calls.map((call) => [call.id, Op[call.op], ...argumentsOf(call)])])
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
  return decodeUsualCalls(body) ?? decodeAnyCalls(body)
}

function decodeAnyCalls(body: Uint8Array): Calls {
  const [group, calls] = fields.tuple(unpack(body), 2)
  if (group === '') throw fields.malformed('a group')
  return { group: fields.text(group, MAX_GROUP_BYTES), calls: batch(calls).map(decodeCall) }
}

function decodeCall(value: unknown): Call {
  if (!Array.isArray(value) || value.length < 2) throw fields.malformed('a call')
  const [id, op, ...args] = value as unknown[]
  return { id: fields.count(id), ...bodyOf(op, args) }
}

function bodyOf(op: unknown, args: readonly unknown[]): CallBody {
  switch (op) {
    case Op.propose: {
      const [command] = fields.tuple(args, 1)
      return { op: 'propose', command: fields.bytes(command) }
    }
    case Op.index:
      fields.tuple(args, 0)
      return { op: 'index' }
    case Op.read: {
      const [least, part, question] = fields.tuple(args, 3)
      return {
        ...{ op: 'read', least: least === null ? undefined : fields.count(least) },
        ...{ part: fields.text(part, MAX_PART_BYTES), question: fields.bytes(question) }
      }
    }
    case Op.await: {
      const [part, question, known] = fields.tuple(args, 3)
      return {
        op: 'await',
        part: fields.text(part, MAX_PART_BYTES),
        question: fields.bytes(question),
        known: fields.bytes(known)
      }
    }
    case Op.follow: {
      const [from, most, part] = fields.tuple(args, 3)
      return {
        op: 'follow',
        from: fields.count(from),
        bytes: fields.count(most),
        part: fields.text(part, MAX_PART_BYTES)
      }
    }
    case Op.change: {
      const [voters, learners] = fields.tuple(args, 2)
      return { op: 'change', voters: peers(voters), learners: peers(learners) }
    }
    case Op.transfer: {
      const [to] = fields.tuple(args, 1)
      return { op: 'transfer', to: to === null ? undefined : fields.text(to, MAX_PEER_BYTES) }
    }
    case Op.snapshot:
      fields.tuple(args, 0)
      return { op: 'snapshot' }
    default:
      throw new MeshError('ERR_PROTOCOL', 'consensus: a call of an unknown operation')
  }
}

export function encodeAnswers(answers: readonly Answer[]): Uint8Array {
  return encodeUsualAnswers(answers) ?? encodeAnyAnswers(answers)
}

function encodeAnyAnswers(answers: readonly Answer[]): Uint8Array {
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
  return decodeUsualAnswers(body) ?? decodeAnyAnswers(body)
}

function decodeAnyAnswers(body: Uint8Array): Answer[] {
  return batch(unpack(body)).map((value) => {
    if (!Array.isArray(value)) throw fields.malformed('an answer')
    if (typeof value[1] === 'number') {
      const [id, index, term, bare, rest] = fields.tuple(value, 5)
      return {
        id: fields.count(id),
        index: fields.count(index),
        term: fields.count(term),
        value: fields.bytes(bare),
        rest: fields.count(rest)
      }
    }
    const [id, code, message, leader, members] = fields.tuple(value, 5)
    return {
      ...{
        id: fields.count(id),
        code: fields.text(code, MAX_PART_BYTES),
        message: fields.text(message, MAX_MESSAGE_BYTES)
      },
      leader: leader === null ? undefined : fields.text(leader, MAX_PEER_BYTES),
      members: members === null ? undefined : peers(members)
    }
  })
}

export function encodeCancel(ids: readonly number[]): Uint8Array {
  return pack(ids)
}

/** `ERR_MALFORMED`. */
export function decodeCancel(body: Uint8Array): number[] {
  return batch(unpack(body)).map((id) => fields.count(id))
}

function batch(value: unknown): readonly unknown[] {
  return fields.list(value, MAX_BATCH, 'calls or answers')
}

function peers(value: unknown): string[] {
  return fields.list(value, MAX_MEMBERS, 'members').map((peer) => fields.text(peer, MAX_PEER_BYTES))
}
