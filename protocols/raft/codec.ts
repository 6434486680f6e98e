import { MeshError } from '../errors.ts'
import { malformed, Reader, Writer } from './bytes.ts'
import { Kind, MAX_BEATS, MAX_GROUP_BYTES, MAX_NUMBER, MAX_SNAPSHOT_BYTES } from './constants.ts'
import {
  boundOfConfiguration,
  boundOfEntries,
  readConfiguration,
  readEntries,
  writeConfiguration,
  writeEntries
} from './entries.ts'
import type { GroupMessage, GroupMessageOf } from './messages.ts'

export type Heartbeat = GroupMessageOf<'heartbeat'>
export type HeartbeatReply = GroupMessageOf<'heartbeat-reply'>
type Single = Exclude<GroupMessage, Heartbeat | HeartbeatReply>

export interface Frame {
  readonly kind: number
  readonly body: Uint8Array
}

/** Bytes of a group's id and the numbers of any message. */
const HEAD_BYTES = 96

const head = (group: string): number => HEAD_BYTES + 3 * group.length

/** A frame of one message. Those that are shared by groups are `encodeHeartbeats` and `encodeHeartbeatReplies`. */
export function encodeMessage(message: Single): Frame {
  const { group, term } = message
  switch (message.kind) {
    case 'append': {
      const { prevIndex, prevTerm, commit, entries } = message
      const writer = new Writer(head(group) + boundOfEntries(entries)).text(group).number(term)
      writer.number(prevIndex).number(prevTerm).number(commit)
      writeEntries(writer, entries, prevTerm)
      return { kind: Kind.append, body: writer.finish() }
    }
    case 'snapshot': {
      const { meta, offset, total, data } = message
      const bound = head(group) + boundOfConfiguration(meta.configuration) + data.byteLength
      const writer = new Writer(bound).text(group).number(term).number(meta.index).number(meta.term)
      writeConfiguration(writer, meta.configuration)
      writer.number(total).number(offset).bytes(data)
      return { kind: Kind.snapshot, body: writer.finish() }
    }
    default:
      return encodeSmall(message)
  }
}

function encodeSmall(message: Exclude<Single, { kind: 'append' | 'snapshot' }>): Frame {
  const writer = new Writer(head(message.group)).text(message.group).number(message.term)
  switch (message.kind) {
    case 'append-reply': {
      const { index, rejected } = message
      writer.number(index).number(rejected === undefined ? 0 : 1)
      if (rejected !== undefined) writer.number(rejected.index).number(rejected.term)
      return { kind: Kind.appendReply, body: writer.finish() }
    }
    case 'vote':
      writer.number(Number(message.pre)).number(Number(message.force))
      writer.number(message.lastIndex).number(message.lastTerm)
      return { kind: Kind.vote, body: writer.finish() }
    case 'vote-reply':
      writer.number(Number(message.pre)).number(Number(message.granted))
      return { kind: Kind.voteReply, body: writer.finish() }
    case 'timeout-now':
      return { kind: Kind.timeoutNow, body: writer.finish() }
    case 'snapshot-reply':
      writer.number(message.index).number(message.received)
      return { kind: Kind.snapshotReply, body: writer.finish() }
  }
}

/** At most `MAX_BEATS`. */
export function encodeHeartbeats(beats: readonly Heartbeat[]): Frame {
  const writer = writerOf(beats)
  for (const { group, term, commit, round } of beats) writer.text(group).number(term).number(commit).number(round)
  return { kind: Kind.heartbeats, body: writer.finish() }
}

/** At most `MAX_BEATS`. */
export function encodeHeartbeatReplies(replies: readonly HeartbeatReply[]): Frame {
  const writer = writerOf(replies)
  for (const { group, term, round } of replies) writer.text(group).number(term).number(round)
  return { kind: Kind.heartbeatReplies, body: writer.finish() }
}

function writerOf(messages: readonly GroupMessage[]): Writer {
  let bound = 8
  for (const { group } of messages) bound += head(group)
  return new Writer(bound).number(messages.length)
}

/**
 * The messages of a frame. Data of commands and of a snapshot are views of `body`. Throws `ERR_MALFORMED` for what
 * breaks a bound or contradicts itself, `ERR_PROTOCOL` for an unknown kind.
 */
export function decodeMessages(kind: number, body: Uint8Array): GroupMessage[] {
  const reader = new Reader(body)
  const messages = readMessages(kind, reader)
  reader.end()
  return messages
}

function readMessages(kind: number, reader: Reader): GroupMessage[] {
  switch (kind) {
    case Kind.heartbeats:
      return readBeats(reader, readHeartbeat)
    case Kind.heartbeatReplies:
      return readBeats(reader, readHeartbeatReply)
    case Kind.append:
      return [readAppend(reader)]
    case Kind.appendReply:
      return [readAppendReply(reader)]
    case Kind.vote:
      return [readVote(reader)]
    case Kind.voteReply:
      return [{ ...readHead(reader, 0), kind: 'vote-reply', pre: flag(reader), granted: flag(reader) }]
    case Kind.timeoutNow:
      return [{ ...readHead(reader), kind: 'timeout-now' }]
    case Kind.snapshot:
      return [readSnapshot(reader)]
    case Kind.snapshotReply: {
      const from = readHead(reader)
      return [
        { ...from, kind: 'snapshot-reply', index: reader.number(1), received: reader.number(0, MAX_SNAPSHOT_BYTES) }
      ]
    }
    default:
      throw new MeshError('ERR_PROTOCOL', `raft frame of unknown kind ${kind}`)
  }
}

/** Who leads or stands has a term; who only answers may be of none yet. */
function readHead(reader: Reader, leastTerm = 1): { group: string; term: number } {
  return { group: reader.text(MAX_GROUP_BYTES), term: reader.number(leastTerm) }
}

function readBeats<T>(reader: Reader, read: (reader: Reader) => T): T[] {
  const count = reader.number(1, MAX_BEATS)
  const found: T[] = []
  for (let i = 0; i < count; i++) found.push(read(reader))
  return found
}

function readHeartbeat(reader: Reader): Heartbeat {
  return { ...readHead(reader), kind: 'heartbeat', commit: reader.number(), round: reader.number() }
}

function readHeartbeatReply(reader: Reader): HeartbeatReply {
  return { ...readHead(reader), kind: 'heartbeat-reply', round: reader.number() }
}

function readAppend(reader: Reader): GroupMessage {
  const from = readHead(reader)
  const prevIndex = reader.number()
  const prevTerm = reader.number(0, from.term)
  if ((prevIndex === 0) !== (prevTerm === 0)) throw malformed('an entry before with a term')
  const commit = reader.number()
  const entries = readEntries(reader, prevIndex, prevTerm, from.term)
  if (prevIndex + entries.length > MAX_NUMBER) throw malformed('fewer entries')
  return { ...from, kind: 'append', prevIndex, prevTerm, entries, commit }
}

function readAppendReply(reader: Reader): GroupMessage {
  const from = readHead(reader)
  const index = reader.number()
  const rejected = flag(reader) ? { index: reader.number(), term: reader.number(0, from.term) } : undefined
  return { ...from, kind: 'append-reply', index, rejected }
}

function readVote(reader: Reader): GroupMessage {
  const from = readHead(reader)
  const pre = flag(reader)
  const force = flag(reader)
  return { ...from, kind: 'vote', pre, force, lastIndex: reader.number(), lastTerm: reader.number(0, from.term) }
}

function readSnapshot(reader: Reader): GroupMessage {
  const from = readHead(reader)
  const index = reader.number(1)
  const term = reader.number(1, from.term)
  const meta = { index, term, configuration: readConfiguration(reader) }
  const total = reader.number(0, MAX_SNAPSHOT_BYTES)
  const offset = reader.number(0, total)
  const data = reader.bytes(total - offset)
  if (data.length === 0 && total > 0) throw malformed('a part with data')
  return { ...from, kind: 'snapshot', meta, offset, total, data }
}

function flag(reader: Reader): boolean {
  return reader.number(0, 1) === 1
}
