import { MeshError } from '../errors.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { MAX_PEER_BYTES, MAX_TOPIC_BYTES } from './constants.ts'
import type { Beginning, Entries, Fetch, LogEntry } from './messages.ts'

/** On the wire a beginning is its index. */
const BEGINNINGS: readonly Beginning[] = ['position', 'start', 'now', 'time', 'sequence', 'more', 'digest']

export function encodeFetch(fetch: Fetch): Uint8Array {
  return new ByteWriter(64)
    .number(fetch.reader)
    .number(fetch.turn)
    .text(fetch.publisher)
    .text(fetch.pattern)
    .number(BEGINNINGS.indexOf(fetch.beginning))
    .number(fetch.epoch)
    .number(fetch.value)
    .number(fetch.messages)
    .number(fetch.bytes)
    .finish()
}

export function decodeFetch(body: Uint8Array): Fetch {
  const from = new ByteReader(body)
  const fetch = {
    ...{ reader: from.number(), turn: from.number() },
    ...{ publisher: from.text(MAX_PEER_BYTES), pattern: from.text(MAX_TOPIC_BYTES) },
    beginning: BEGINNINGS[from.number(BEGINNINGS.length - 1)]!,
    ...{ epoch: from.number(), value: from.number() },
    ...{ messages: from.number(), bytes: from.number() }
  }
  from.end()
  return fetch
}

/** Entries being put together; what else their frame says is known once they are. */
export class EntriesWriter {
  readonly #writer = new ByteWriter(512)
  readonly #after: number
  #sequence: number
  #topic = ''

  constructor(after: number) {
    this.#after = after
    this.#sequence = after
  }

  get length(): number {
    return this.#writer.length
  }

  add({ sequence, time, topic, bytes }: LogEntry): void {
    this.#writer.number(sequence - this.#sequence).number(time)
    this.#writer.text(topic === this.#topic ? '' : topic).bytes(bytes)
    this.#sequence = sequence
    this.#topic = topic
  }

  finish({ reader, turn, epoch, first, last, to }: Omit<Entries, 'after' | 'entries'>): Uint8Array {
    const frame = new ByteWriter(this.#writer.length + 64)
    frame.number(reader).number(turn).number(epoch).number(first).number(last)
    return frame
      .number(this.#after)
      .number(to - this.#after)
      .raw(this.#writer.view())
      .finish()
  }
}

/** The entries' bytes are copies: they outlive the frame. `ERR_MALFORMED`, also where numbers do not rise. */
export function decodeEntries(body: Uint8Array): Entries {
  const from = new ByteReader(body)
  const [reader, turn, epoch] = [from.number(), from.number(), from.number()]
  const [first, last, after] = [from.number(), from.number(), from.number()]
  const to = after + from.number()
  const entries: LogEntry[] = []
  let sequence = after
  let topic = ''
  while (!from.done) {
    const step = from.number()
    sequence += step
    const time = from.number()
    const named = from.text(MAX_TOPIC_BYTES)
    if (named !== '') topic = named
    if (step === 0 || topic === '' || sequence > to) {
      throw new MeshError('ERR_MALFORMED', 'publish-subscribe: an entry without its number or topic')
    }
    entries.push({ sequence, time, topic, bytes: from.bytes(body.length).slice() })
  }
  return { reader, turn, epoch, first, last, after, to, entries }
}

/** A log's record on disk: it has its number from its place. */
export function encodeRecord({ time, topic, bytes }: Omit<LogEntry, 'sequence'>): Uint8Array {
  return new ByteWriter(bytes.length + 64).number(time).text(topic).raw(bytes).view()
}

/** `bytes` are a view into `record`. `ERR_MALFORMED`. */
export function decodeRecord(sequence: number, record: Uint8Array): LogEntry {
  const from = new ByteReader(record)
  return { sequence, time: from.number(), topic: from.text(MAX_TOPIC_BYTES), bytes: from.rest() }
}
