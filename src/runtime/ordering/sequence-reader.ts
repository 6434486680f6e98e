import type { FollowValue } from '../../../protocols/consensus/messages.ts'
import { unpack } from '../../../protocols/envelope/messagepack.ts'
import { type Missing, SequenceCursor } from '../../core/ordering/sequence-cursor.ts'
import { lastOf } from '../../core/replicated/sequences.ts'
import type { Clock, Timer } from '../ports.ts'
import { isPublication } from './sequences.ts'
import type { OrderingClient } from './types.ts'

/** What a group has put in order: a publication, its number in its sequence, and where in the log it is. */
export interface Sequenced {
  readonly sequence: string
  readonly number: number
  readonly index: number
  readonly publication: OrderedPublication
}

/** As it stands in the log: `[topic, bytes, publisher, token]`. */
export interface OrderedPublication {
  readonly topic: string
  /** The message as it was published. A view of what was read. */
  readonly bytes: Uint8Array
  /** PeerId. */
  readonly publisher: string
  /** 0: no acknowledgement is asked. */
  readonly token: number
}

export interface ReaderParts {
  readonly clock: Clock
  readonly client: OrderingClient
  /** Index to begin at; undefined: what is said from now on. */
  readonly from: number | undefined
  /** Somebody waits for `ready`: until then whoever leads may be asked where that is. */
  readonly awaited: boolean
  /** Whether it may hand out more; once that has changed, `pump` is to be called. */
  open(): boolean
  /** Where it begins; before anything else is told. */
  begins(next: number): void
  hand(sequenced: Sequenced): void
  /** `index`: of the entry, or the state, that showed it. */
  missing(missing: Missing, index: number): void
  /** All before that index was handed out, and what was missing was told. */
  passed(next: number): void
}

/** ms for which a replica is asked where its log ends, before another is. */
const PATIENCE = 2_000
/** ms for which whoever leads is asked: less than a subscription waits for its groups. A guess: an election's time. */
const LED = 1_500
/** ms before a group that cannot be read is asked again. A guess. */
const AGAIN = 500

/** Reads the publications of one group's log, at the pace of whoever takes them. Ends with the group or by `stop`. */
export class SequenceReader {
  /** Resolves once nothing that is published later is missed, or reading has ended. Never rejects. */
  readonly ready: Promise<void>
  readonly #parts: ReaderParts
  readonly #stopped = new AbortController()
  readonly #ready = Promise.withResolvers<void>()
  #room: PromiseWithResolvers<void> | undefined
  #pause: { timer: Timer; over: () => void } | undefined

  constructor(parts: ReaderParts) {
    this.#parts = parts
    this.ready = this.#ready.promise
    void this.#run()
  }

  /** There may be room. */
  pump(): void {
    if (this.#room === undefined || !this.#parts.open()) return
    this.#room.resolve()
    this.#room = undefined
  }

  stop(): void {
    this.#stopped.abort()
    this.#room?.resolve()
    this.#pause?.timer.cancel()
    this.#pause?.over()
    this.#ready.resolve()
  }

  get #over(): boolean {
    return this.#stopped.signal.aborted || this.#parts.client.closed
  }

  async #run(): Promise<void> {
    const cursor = await this.#begin()
    if (cursor !== undefined && !this.#over) this.#parts.begins(cursor.next)
    this.#ready.resolve()
    while (cursor !== undefined && !this.#over) {
      try {
        await this.#opened()
        if (this.#over) return
        const { client } = this.#parts
        const { next, value } = await client.follow('sequences', cursor.next, { signal: this.#stopped.signal })
        await this.#take(cursor, next, value)
      } catch {
        // A group that is closed, a replica that stepped out: whoever asked it for more is told so by the call itself.
        await this.#again()
      }
    }
  }

  /** Where it begins: behind all that was said before, as far as anybody in reach can tell. */
  async #begin(): Promise<SequenceCursor | undefined> {
    const { client, from, awaited } = this.#parts
    if (from !== undefined) return new SequenceCursor(from, from > 1)
    if (client.next !== undefined) return new SequenceCursor(client.next, true)
    const { signal } = this.#stopped
    while (!this.#over) {
      // A member's own replica may just have started: whoever leads knows what it lacks.
      const asked = awaited && client.isMember ? await known(client.index({ signal, timeout: LED })) : undefined
      const last = asked ?? (await this.#lastSeen(signal))
      if (last !== undefined) return new SequenceCursor(last + 1, true)
      await this.#again()
    }
    return undefined
  }

  /** What some replica has, or what this node has heard of. */
  async #lastSeen(signal: AbortSignal): Promise<number | undefined> {
    const { client } = this.#parts
    const read = client.read('sequences', { last: '' }, 'eventual', { signal, timeout: PATIENCE })
    // Of a group of which nothing was ever heard it is not known where it ends.
    return (await known(read.then(() => client.seen))) ?? (client.seen > 0 ? client.seen : undefined)
  }

  async #take(cursor: SequenceCursor, next: number, [snapshot, ...entries]: FollowValue): Promise<void> {
    const { passed, missing } = this.#parts
    if (snapshot !== null) for (const one of cursor.skip(snapshot[0], lastOf(snapshot[1]))) missing(one, snapshot[0])
    for (const [index, , record] of entries) {
      await this.#opened()
      if (this.#over) return
      this.#hand(cursor, index, record)
    }
    cursor.read(next)
    passed(cursor.next)
  }

  #hand(cursor: SequenceCursor, index: number, record: Uint8Array): void {
    const [command, number] = unpack(record) as [{ next?: unknown; data?: unknown }, unknown]
    const { next: sequence, data } = command
    // What repeats an earlier one has that one's number.
    if (typeof sequence !== 'string' || typeof number !== 'number' || !isPublication(sequence)) return
    const passed = cursor.pass(sequence, number, index)
    if (passed === false) return
    if (passed.missing !== undefined) this.#parts.missing(passed.missing, index)
    const publication = publicationOf(data)
    if (publication !== undefined) this.#parts.hand({ sequence, number, index, publication })
  }

  async #opened(): Promise<void> {
    while (!this.#parts.open() && !this.#over) {
      this.#room ??= Promise.withResolvers()
      await this.#room.promise
    }
  }

  #again(): Promise<void> {
    if (this.#over) return Promise.resolve()
    const { promise, resolve: over } = Promise.withResolvers<void>()
    this.#pause = { timer: this.#parts.clock.after(AGAIN, over), over }
    return promise
  }
}

/** Undefined where nobody could say. */
async function known<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch {
    return undefined
  }
}

export function dataOf({ topic, bytes, publisher, token }: OrderedPublication): unknown {
  return [topic, bytes, publisher, token]
}

/** Undefined for what no node of ours says. */
function publicationOf(data: unknown): OrderedPublication | undefined {
  if (!Array.isArray(data)) return undefined
  const [topic, bytes, publisher, token] = data as unknown[]
  const valid = typeof topic === 'string' && bytes instanceof Uint8Array && typeof publisher === 'string'
  return valid && Number.isSafeInteger(token) ? { topic, bytes, publisher, token: token as number } : undefined
}
