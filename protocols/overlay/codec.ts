import { MeshError } from '../errors.ts'
import {
  KIND,
  MAX_DELTA_ENTRIES,
  MAX_DELTA_ITEMS,
  MAX_DIGEST_ITEMS,
  MAX_FRAME_BYTES,
  MAX_KEY_BYTES,
  MAX_RECORD_BYTES,
  MAX_SIGNATURE_BYTES
} from './constants.ts'
import { fields, STANDINGS } from './fields.ts'
import type { Claim, Delta, DeltaEntry, DeltaItem, Digest, DigestItem, OverlayMessage } from './messages.ts'
import { pack, unpack } from './pack.ts'
import { decodeSignedRecord } from './record.ts'

export interface Frame {
  kind: number
  body: Uint8Array
}

/** Throws `ERR_MESSAGE_TOO_LARGE` past `MAX_FRAME_BYTES`: senders chunk before. */
export function encodeMessage(message: OverlayMessage): Frame {
  const body = pack(toFields(message))
  if (body.byteLength > MAX_FRAME_BYTES) {
    throw new MeshError('ERR_MESSAGE_TOO_LARGE', `overlay ${message.kind} of ${body.byteLength} bytes`)
  }
  return { kind: KIND[message.kind], body }
}

/**
 * Throws `ERR_MALFORMED` for what breaks a limit or a type, `ERR_PROTOCOL` for an unknown kind. Records in a delta are
 * decoded, not verified. Keeps nothing of `body`.
 */
export function decodeMessage(kind: number, body: Uint8Array): OverlayMessage {
  if (body.byteLength > MAX_FRAME_BYTES) throw fields.malformed(`a frame of at most ${MAX_FRAME_BYTES} bytes`)
  const decode = DECODERS[kind]
  if (decode === undefined) throw new MeshError('ERR_PROTOCOL', `overlay frame of unknown kind ${kind}`)
  return decode(unpack(body))
}

function toFields(message: OverlayMessage): unknown[] {
  switch (message.kind) {
    case 'digest':
      return [message.reply, message.complete, message.closed, message.items.map(fromDigestItem)]
    case 'summary':
      return [message.hash]
    case 'delta':
      return [message.last, message.items.map(fromDeltaItem)]
    case 'ack':
      return [message.incarnation, message.version, message.held, message.last]
    case 'ping':
    case 'pong':
      return [message.seq]
    case 'pingRequest':
    case 'pingResponse':
      return [message.seq, message.target]
  }
}

const DECODERS: Readonly<Record<number, (body: unknown) => OverlayMessage>> = {
  [KIND.digest]: toDigest,
  [KIND.summary]: (body) => ({ kind: 'summary', hash: fields.count(fields.tuple(body, 1, 'a summary')[0], 'a hash') }),
  [KIND.delta]: toDelta,
  [KIND.ack]: (body) => {
    const [incarnation, version, held, last] = fields.tuple(body, 4, 'an acknowledgement')
    return {
      kind: 'ack',
      incarnation: fields.count(incarnation, 'an incarnation'),
      version: fields.count(version, 'a version'),
      held: fields.flag(held, 'held'),
      last: fields.flag(last, 'last')
    }
  },
  [KIND.ping]: (body) => ({ kind: 'ping', seq: sequence(fields.tuple(body, 1, 'a ping')[0]) }),
  [KIND.pong]: (body) => ({ kind: 'pong', seq: sequence(fields.tuple(body, 1, 'a pong')[0]) }),
  [KIND.pingRequest]: (body) => ({ kind: 'pingRequest', ...toProbe(body) }),
  [KIND.pingResponse]: (body) => ({ kind: 'pingResponse', ...toProbe(body) })
}

function toProbe(body: unknown): { seq: number; target: string } {
  const [seq, target] = fields.tuple(body, 2, 'a probe')
  return { seq: sequence(seq), target: fields.peerId(target) }
}

function sequence(value: unknown): number {
  return fields.count(value, 'a sequence number', 2 ** 32 - 1)
}

function toDigest(body: unknown): Digest {
  const [reply, complete, closed, items] = fields.tuple(body, 4, 'a digest')
  return {
    kind: 'digest',
    reply: fields.flag(reply, 'reply'),
    complete: fields.flag(complete, 'complete'),
    closed: fields.flag(closed, 'closed'),
    items: fields.list(items, MAX_DIGEST_ITEMS, 'members').map(toDigestItem)
  }
}

function fromDigestItem(item: DigestItem): unknown[] {
  return [item.peer, item.incarnation, item.refutation, STANDINGS.indexOf(item.state), item.expires, item.version]
}

function toDigestItem(value: unknown): DigestItem {
  const given = fields.tuple(value, 6, 'a digest item')
  return {
    peer: fields.peerId(given[0]),
    ...toClaim(given[1], given[2], given[3]),
    expires: fields.count(given[4], 'an expiry'),
    version: fields.count(given[5], 'a version')
  }
}

function toClaim(incarnation: unknown, number: unknown, state: unknown): Claim {
  return {
    incarnation: fields.count(incarnation, 'an incarnation'),
    refutation: fields.refutation(number),
    state: fields.standing(state)
  }
}

function toDelta(body: unknown): Delta {
  const [last, items] = fields.tuple(body, 2, 'a delta')
  return {
    kind: 'delta',
    last: fields.flag(last, 'last'),
    items: fields.list(items, MAX_DELTA_ITEMS, 'members').map(toDeltaItem)
  }
}

function fromDeltaItem(item: DeltaItem): unknown[] {
  return [
    item.peer,
    item.incarnation,
    item.refutation,
    STANDINGS.indexOf(item.state),
    item.accuser ?? null,
    item.record?.blob ?? null,
    item.from,
    item.to,
    item.done,
    item.full,
    item.floor,
    item.entries.map((e) => (e.value === undefined ? [e.key, e.version] : [e.key, e.version, e.value]))
  ]
}

function toDeltaItem(value: unknown): DeltaItem {
  const given = fields.tuple(value, 12, 'a delta item')
  const peer = fields.peerId(given[0])
  const claim = toClaim(given[1], given[2], given[3])
  const from = fields.count(given[6], 'a version')
  const to = fields.count(given[7], 'a version')
  const entries = fields.list(given[11], MAX_DELTA_ENTRIES, 'entries').map(toEntry)
  checkVersions(from, to, entries)
  return {
    peer,
    ...claim,
    accuser: given[4] === null ? undefined : fields.peerId(given[4]),
    record: given[5] === null ? undefined : toRecord(given[5], peer, claim.incarnation),
    from,
    to,
    done: fields.flag(given[8], 'done'),
    full: fields.flag(given[9], 'full'),
    floor: fields.count(given[10], 'a version'),
    entries
  }
}

function toRecord(value: unknown, peer: string, incarnation: number): DeltaItem['record'] {
  const blob = fields.bytes(value, MAX_RECORD_BYTES + MAX_SIGNATURE_BYTES, 'a signed record')
  const { record } = decodeSignedRecord(blob)
  if (record.peer !== peer || record.incarnation !== incarnation) {
    throw new MeshError('ERR_PROTOCOL', `overlay delta: a record of another member or life than ${peer}`)
  }
  return { record, blob }
}

function toEntry(value: unknown): DeltaEntry {
  if (!Array.isArray(value) || value.length < 2 || value.length > 3) throw fields.malformed('an entry')
  const key = fields.text(value[0], MAX_KEY_BYTES, 'a key')
  return { key, version: fields.count(value[1], 'a version'), value: value.length === 3 ? value[2] : undefined }
}

function checkVersions(from: number, to: number, entries: readonly DeltaEntry[]): void {
  let before = from
  for (const { version } of entries) {
    if (version <= before) throw new MeshError('ERR_PROTOCOL', 'overlay delta: versions do not rise')
    before = version
  }
  if (before > to) throw new MeshError('ERR_PROTOCOL', 'overlay delta: a version past its end')
}
