import { ByteReader, ByteWriter } from '../../../../protocols/publish-subscribe/bytes.ts'
import { MAX_PEER_BYTES, MAX_TOPIC_BYTES } from '../../../../protocols/publish-subscribe/constants.ts'
import type { LogPosition } from '../../../core/pubsub/log-reader.ts'
import type { Change, Store } from '../../storage/types.ts'
import type { From } from './from.ts'

/** What is remembered of a durable subscription. */
export interface Remembered {
  pattern: string
  /** Wall-clock ms when it was made. */
  created: number
  from: From
  /** How far it is with each publisher. */
  positions: Map<string, LogPosition>
}

const KINDS = ['now', 'start', 'time', 'sequence'] as const

/** Where durable subscriptions stopped: `cursors/<agent>/<name>` is the subscription, one key below it for each publisher. */
export class CursorStore {
  readonly #store: Store
  readonly #key: string

  constructor(store: Store, agent: string, name: string) {
    this.#store = store
    this.#key = `cursors/${encodeURIComponent(agent)}/${encodeURIComponent(name)}`
  }

  /** `ERR_STORAGE`, `ERR_CORRUPT`, `ERR_MALFORMED`. */
  async load(): Promise<Remembered | undefined> {
    const value = await this.#store.get(this.#key)
    if (value === undefined) return undefined
    const from = new ByteReader(value)
    const pattern = from.text(MAX_TOPIC_BYTES)
    const created = from.number()
    const beginning = { kind: KINDS[from.number(KINDS.length - 1)]!, value: from.number() }
    const publisher = from.text(MAX_PEER_BYTES)
    const positions = new Map<string, LogPosition>()
    const below = `${this.#key}/`
    for await (const [key, bytes] of this.#store.entries(below)) {
      const position = new ByteReader(bytes)
      positions.set(key.slice(below.length), { epoch: position.number(), sequence: position.number() })
    }
    return { pattern, created, from: { ...beginning, publisher: publisher || undefined }, positions }
  }

  /** What is to be written for a new subscription. */
  made({ pattern, created, from }: Omit<Remembered, 'positions'>): Change {
    const writer = new ByteWriter(64).text(pattern).number(created)
    writer.number(KINDS.indexOf(from.kind)).number(from.value)
    return { key: this.#key, value: writer.text(from.publisher ?? '').finish() }
  }

  at(publisher: string, { epoch, sequence }: LogPosition): Change {
    return { key: `${this.#key}/${publisher}`, value: new ByteWriter(16).number(epoch).number(sequence).finish() }
  }

  write(changes: readonly Change[]): Promise<void> {
    return this.#store.write(changes)
  }

  /** `ERR_STORAGE`. */
  async forget(): Promise<void> {
    const changes: Change[] = [{ key: this.#key, value: undefined }]
    for await (const [key] of this.#store.entries(`${this.#key}/`)) changes.push({ key, value: undefined })
    await this.#store.write(changes)
  }
}
