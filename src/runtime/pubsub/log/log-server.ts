import { EntriesWriter } from '../../../../protocols/publish-subscribe/log-codec.ts'
import type { Fetch, LogEntry } from '../../../../protocols/publish-subscribe/messages.ts'
import { matches } from '../../../core/pubsub/pattern.ts'
import type { LogScan, ReadableLog } from './types.ts'

export interface LogServerComponents {
  own: ReadableLog
  /** What this node has received of a publisher, all of it that the pattern matches. */
  replica(publisher: string, pattern: string, epoch: number): ReadableLog | undefined
  /** False where the peer's link has no room now: `pump` follows. */
  send(peer: string, entries: Uint8Array): boolean
  /** Readers of one peer. */
  readers: number
  /** Somebody reads, or nobody does any more. */
  read(somebody: boolean): void
}

/** What somebody reads here. */
interface Reader {
  readonly peer: string
  readonly fetch: Fetch
  readonly log: ReadableLog
  scan: LogScan
  /** Looked at up to here. */
  at: number
  /** The reader knows everything up to here. */
  told: number
  granted: { messages: number; bytes: number }
  sent: { messages: number; bytes: number }
  /** An answer is due though nothing matches. */
  owed: boolean
  /** A walk over the disk is under way. */
  busy: boolean
  gone: boolean
  /** What was looked up and not sent yet. */
  ahead: { to: number; entries: readonly LogEntry[] } | undefined
  /** Had no room on its link. */
  frame: { body: Uint8Array; to: number } | undefined
}

/** Of a frame: what a link writes at once, nearly. */
const FRAME_BYTES = 65_536
/** Numbers that a pattern does not match, after which its reader is told how far the log is: what it need not ask for again. A guess. */
const SILENT = 1_024
/** Told of a reader that is not open here: its subscriber opens it anew. */
const UNKNOWN = { turn: 0, epoch: 0, first: 1, last: 0, to: 0 }

/** Lets others read this node's log: each at its own pace, as far as it has room. Nobody is waited for. */
export class LogServer {
  readonly #c: LogServerComponents
  readonly #readers = new Map<string, Map<number, Reader>>()

  constructor(components: LogServerComponents) {
    this.#c = components
  }

  fetch(peer: string, fetch: Fetch): void {
    const readers = this.#readers.get(peer)
    const known = readers?.get(fetch.reader)
    if (fetch.turn === 0) this.#drop(known)
    else if (fetch.beginning !== 'more') this.#open(peer, fetch, known)
    else if (known?.fetch.turn === fetch.turn) this.#renew(known, fetch)
    else this.#c.send(peer, new EntriesWriter(0).finish({ ...UNKNOWN, reader: fetch.reader }))
  }

  #renew(reader: Reader, { messages, bytes, value }: Fetch): void {
    reader.granted.messages = Math.max(reader.granted.messages, messages)
    reader.granted.bytes = Math.max(reader.granted.bytes, bytes)
    // Nothing is under way, so that nothing would tell the reader that it is still known here.
    if (value >= reader.told) reader.owed = true
    this.#serve(reader)
  }

  #open(peer: string, fetch: Fetch, known: Reader | undefined): void {
    const log = fetch.publisher === '' ? this.#c.own : this.#c.replica(fetch.publisher, fetch.pattern, fetch.epoch)
    const digest = fetch.beginning === 'digest'
    if (!digest) this.#drop(known)
    if (log === undefined) return
    const end = fetch.beginning === 'now' ? log.end() : undefined
    const at = typeof end === 'number' ? end : beginningOf(fetch, log)
    const { messages, bytes } = fetch
    const reader: Reader = {
      ...{ peer, fetch, log, at, told: at, scan: log.scan(at) },
      ...{ granted: { messages, bytes }, sent: { messages: 0, bytes: 0 } },
      ...{ owed: true, busy: false, gone: false, ahead: undefined, frame: undefined }
    }
    if (digest) {
      this.#c.send(peer, this.#finish(reader, new EntriesWriter(at), at))
      return
    }
    const readers = this.#readers.get(peer) ?? new Map<number, Reader>()
    if (readers.size >= this.#c.readers) return
    this.#readers.set(peer, readers.set(fetch.reader, reader))
    this.#c.read(true)
    if (end instanceof Promise) this.#await(reader, end)
    else this.#serve(reader)
  }

  /** What was published before it asked is on its way to disk, and not for it. */
  #await(reader: Reader, end: Promise<number>): void {
    reader.busy = true
    void end.then((at) => {
      reader.busy = false
      if (reader.gone) return
      reader.scan.close()
      reader.scan = reader.log.scan(at)
      reader.at = reader.told = at
      this.#serve(reader)
    })
  }

  #drop(reader: Reader | undefined): void {
    if (reader === undefined) return
    reader.gone = true
    reader.scan.close()
    const readers = this.#readers.get(reader.peer)
    readers?.delete(reader.fetch.reader)
    if (readers?.size === 0) this.#readers.delete(reader.peer)
    if (this.#readers.size === 0) this.#c.read(false)
  }

  /** Sends as much as there is, and as there is room for. */
  #serve(reader: Reader): void {
    while (!reader.busy && !reader.gone && this.#flush(reader)) {
      const room = reader.sent.messages < reader.granted.messages && reader.sent.bytes < reader.granted.bytes
      if (reader.ahead !== undefined && room) {
        this.#frame(reader, reader.ahead.entries, reader.ahead.to)
        continue
      }
      if (reader.ahead === undefined && room && reader.at < reader.log.last) {
        const chunk = reader.scan.next(FRAME_BYTES)
        if (chunk instanceof Promise) {
          reader.busy = true
          chunk
            .then(
              (found) => this.#found(reader, found),
              () => this.#drop(reader)
            )
            .finally(() => {
              reader.busy = false
              this.#serve(reader)
            })
        } else this.#found(reader, chunk)
        continue
      }
      if (!reader.owed) return
      this.#say(reader, new EntriesWriter(reader.told), reader.at)
    }
  }

  #found(reader: Reader, { after, to, entries }: { after: number; to: number; entries: readonly LogEntry[] }): void {
    if (after > reader.at) {
      // Nothing is left of what was between: what was before it is told first, then the gap shows.
      if (reader.told < reader.at) this.#say(reader, new EntriesWriter(reader.told), reader.at)
      reader.told = reader.at = after
      reader.owed = true
    }
    reader.ahead = { to, entries }
  }

  /** Those of the entries that match, as far as they fit in a frame and in the reader's room; the rest stays ahead. */
  #frame(reader: Reader, entries: readonly LogEntry[], to: number): void {
    const { granted, sent, fetch } = reader
    const writer = new EntriesWriter(reader.told)
    const since = fetch.beginning === 'time' ? fetch.value : 0
    let count = 0
    for (const entry of entries) {
      if (sent.messages >= granted.messages || sent.bytes >= granted.bytes || writer.length >= FRAME_BYTES) break
      count++
      if (entry.time < since || !matches(fetch.pattern, entry.topic)) continue
      writer.add(entry)
      sent.messages++
      sent.bytes += entry.bytes.length
    }
    const whole = count === entries.length
    reader.ahead = whole ? undefined : { to, entries: entries.slice(count) }
    reader.at = whole ? to : entries[count]!.sequence - 1
    if (writer.length > 0 || reader.owed || reader.at - reader.told >= SILENT) this.#say(reader, writer, reader.at)
  }

  #say(reader: Reader, writer: EntriesWriter, to: number): void {
    reader.frame = { body: this.#finish(reader, writer, to), to }
    reader.told = to
    reader.owed = false
  }

  #finish(
    { fetch: { reader, turn }, log: { epoch, first, last } }: Reader,
    writer: EntriesWriter,
    to: number
  ): Uint8Array {
    return writer.finish({ reader, turn, epoch, first, last, to })
  }

  #flush(reader: Reader): boolean {
    if (reader.frame === undefined) return true
    if (!this.#c.send(reader.peer, reader.frame.body)) return false
    reader.frame = undefined
    return true
  }

  /** The log has grown, or links have room again. */
  pump(): void {
    for (const readers of this.#readers.values()) for (const reader of [...readers.values()]) this.#serve(reader)
  }

  /** Whatever was on its way to the peer may be lost: it will ask again. */
  forget(peer: string): void {
    for (const reader of [...(this.#readers.get(peer)?.values() ?? [])]) this.#drop(reader)
  }

  stop(): void {
    for (const peer of [...this.#readers.keys()]) this.forget(peer)
  }
}

/** What is looked at first is behind this number. */
function beginningOf({ beginning, epoch, value }: Fetch, log: ReadableLog): number {
  const start = log.first - 1
  if (beginning === 'now' || beginning === 'digest') return log.last
  if (beginning === 'time') return Math.max(start, log.before(value))
  if (beginning === 'sequence') return Math.max(start, value - 1)
  if (beginning === 'start' || epoch !== log.epoch) return start
  return Math.max(start, Math.min(value, log.last))
}
