import { MeshError } from '../errors.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import {
  CHANNELS,
  MAX_ASKED,
  MAX_PEER_BYTES,
  MAX_REPAIR,
  MAX_SIGNATURE_BYTES,
  MAX_STAMP_BYTES,
  MAX_TOPIC_BYTES,
  NONCE_BYTES,
  SIGNATURE_DOMAIN
} from './constants.ts'
import type {
  Acknowledgement,
  BatchMessage,
  NumberedBatch,
  Packet,
  Repair,
  SignedPacket,
  Skip,
  Sync,
  Taken
} from './messages.ts'

const domain = new TextEncoder().encode(SIGNATURE_DOMAIN)

const NO_STAMP = new Uint8Array(0)

/** A batch being built. Consecutive messages of one topic write the topic once. */
export class BatchWriter {
  #writer = new ByteWriter(512)
  #topic = ''
  count = 0

  get length(): number {
    return this.#writer.length
  }

  /** `stamp`: its place in the causal order, as bytes that stand alone. */
  add(topic: string, bytes: Uint8Array, stamp: Uint8Array = NO_STAMP): void {
    if (topic === this.#topic) this.#writer.number(0)
    else this.#writer.text(topic)
    this.#topic = topic
    this.#writer.bytes(stamp).bytes(bytes)
    this.count++
  }

  finish(): Uint8Array {
    return this.#writer.finish()
  }
}

/** What is called for each message of a batch: `stamp` is empty where it has no place in the causal order. Both are views. */
export type Visit = (topic: string, bytes: Uint8Array, stamp: Uint8Array) => void

/** `ERR_MALFORMED`, possibly after some visits. */
export function readBatch(batch: Uint8Array, visit: Visit): void {
  const reader = new ByteReader(batch)
  let topic = ''
  while (!reader.done) {
    const named = reader.text(MAX_TOPIC_BYTES)
    if (named !== '') topic = named
    if (topic === '') throw new MeshError('ERR_MALFORMED', 'publish-subscribe: a message without a topic')
    const stamp = reader.bytes(MAX_STAMP_BYTES)
    visit(topic, reader.bytes(batch.length), stamp)
  }
}

export function messagesOf(batch: Uint8Array): BatchMessage[] {
  const messages: BatchMessage[] = []
  readBatch(batch, (topic, bytes) => messages.push({ topic, bytes }))
  return messages
}

/** What the publisher signs; `sealPacket` completes it. */
export function packetToSign(packet: Packet, nonce: Uint8Array): Uint8Array {
  const writer = new ByteWriter(packet.batch.length + 160)
  writer.raw(nonce).text(packet.publisher).number(packet.epoch).number(packet.channel).number(packet.number)
  writer.number(packet.ask?.token ?? 0)
  if (packet.ask !== undefined) {
    writer.number(packet.ask.peers.length)
    for (const peer of packet.ask.peers) writer.text(peer)
  }
  return writer.bytes(packet.batch).finish()
}

/** The bytes under the signature: the packet's, behind a prefix that no other protocol signs. */
export function signatureInput(signed: Uint8Array): Uint8Array {
  const input = new Uint8Array(domain.length + signed.length)
  input.set(domain)
  input.set(signed, domain.length)
  return input
}

export function sealPacket(signed: Uint8Array, signature: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(signed.length + signature.length)
  sealed.set(signed)
  sealed.set(signature, signed.length)
  return sealed
}

/** Views into `bytes`. `ERR_MALFORMED`. */
export function openPacket(bytes: Uint8Array): SignedPacket {
  const reader = new ByteReader(bytes)
  reader.raw(NONCE_BYTES)
  const publisher = reader.text(MAX_PEER_BYTES)
  const epoch = reader.number()
  const channel = reader.number(CHANNELS - 1)
  const number = reader.number()
  const token = reader.number()
  const peers: string[] = []
  if (token !== 0) {
    for (let left = reader.number(MAX_ASKED); left > 0; left--) peers.push(reader.text(MAX_PEER_BYTES))
  }
  const batch = reader.bytes(bytes.length)
  const signed = bytes.subarray(0, reader.position)
  const signature = reader.rest()
  if (number === 0 || signature.length === 0 || signature.length > MAX_SIGNATURE_BYTES) {
    throw new MeshError('ERR_MALFORMED', 'publish-subscribe: a packet without number or signature')
  }
  return {
    publisher,
    epoch,
    channel,
    number,
    ask: token === 0 ? undefined : { token, peers },
    batch,
    signed,
    signature
  }
}

export function encodeAsked(token: number, batch: Uint8Array): Uint8Array {
  return new ByteWriter(batch.length + 8).number(token).raw(batch).finish()
}

export function decodeAsked(body: Uint8Array): { token: number; batch: Uint8Array } {
  const reader = new ByteReader(body)
  return { token: reader.number(), batch: reader.rest() }
}

export function encodeAcknowledgement({ token, subscribers }: Acknowledgement): Uint8Array {
  return new ByteWriter(16).number(token).number(subscribers).finish()
}

export function decodeAcknowledgement(body: Uint8Array): Acknowledgement {
  const reader = new ByteReader(body)
  const acknowledgement = { token: reader.number(), subscribers: reader.number() }
  reader.end()
  return acknowledgement
}

export function encodeSync({ token, channel, number }: Sync): Uint8Array {
  return new ByteWriter(20).number(token).number(channel).number(number).finish()
}

export function decodeSync(body: Uint8Array): Sync {
  const reader = new ByteReader(body)
  const sync = { token: reader.number(), channel: reader.number(CHANNELS - 1), number: reader.number() }
  reader.end()
  return sync
}

function writeRange({ epoch, channel, from, to }: Repair): ByteWriter {
  return new ByteWriter(32)
    .number(epoch)
    .number(channel)
    .number(from)
    .number(to - from)
}

function readRange(reader: ByteReader): Repair {
  const epoch = reader.number()
  const channel = reader.number(CHANNELS - 1)
  const from = reader.number()
  return { epoch, channel, from, to: from + reader.number(MAX_REPAIR - 1) }
}

export function encodeRepair(repair: Repair): Uint8Array {
  return writeRange(repair).finish()
}

export function decodeRepair(body: Uint8Array): Repair {
  const reader = new ByteReader(body)
  const repair = readRange(reader)
  reader.end()
  return repair
}

export function encodeSkip(skip: Skip): Uint8Array {
  return writeRange(skip).number(skip.lost).finish()
}

export function decodeSkip(body: Uint8Array): Skip {
  const reader = new ByteReader(body)
  const skip = { ...readRange(reader), lost: reader.number(MAX_REPAIR) }
  reader.end()
  return skip
}

export function encodeNumbered(numbered: NumberedBatch): Uint8Array {
  const { epoch, stream, lowest, number, token, log, began, before, last, interest, numbers, batch } = numbered
  const writer = new ByteWriter(batch.length + numbers.length + 64).number(epoch).number(stream).number(lowest)
  writer.number(number).number(token).number(log).number(began).number(before)
  return writer
    .number(last - before)
    .number(interest)
    .bytes(numbers)
    .raw(batch)
    .finish()
}

/** `batch` is a view into `body`. */
export function decodeNumbered(body: Uint8Array): NumberedBatch {
  const reader = new ByteReader(body)
  const [epoch, stream, lowest] = [reader.number(), reader.number(), reader.number()]
  if (lowest === 0) throw new MeshError('ERR_MALFORMED', 'publish-subscribe: numbers are from 1')
  const [number, token] = [reader.number(), reader.number()]
  const [log, began, before] = [reader.number(), reader.number(), reader.number()]
  const last = before + reader.number()
  const [interest, numbers] = [reader.number(), reader.bytes(body.length)]
  return { epoch, stream, lowest, number, token, log, began, before, last, interest, numbers, batch: reader.rest() }
}

export function encodeTaken({ epoch, stream, received, taken }: Taken): Uint8Array {
  return new ByteWriter(40).number(epoch).number(stream).number(received).number(taken).finish()
}

export function decodeTaken(body: Uint8Array): Taken {
  const reader = new ByteReader(body)
  const [epoch, stream] = [reader.number(), reader.number()]
  const taken = { epoch, stream, received: reader.number(), taken: reader.number() }
  reader.end()
  return taken
}
