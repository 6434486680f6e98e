import { StandaloneDecoder } from '../../protocols/envelope/standalone.ts'
import { MeshError } from '../../protocols/errors.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import { decodeRecord, encodeRecord, type StoredMessage } from '../runtime/delivery/outbox-record.ts'
import type { Change, Store } from '../runtime/storage/types.ts'
import type { Consignment } from './consignment.ts'

const PREFIX = 'outbox/'
/** Hexadecimal digits of a key. */
const DIGITS = 14
/** The last two of them, ready made: a key for each message is to cost little. */
const LAST_TWO = Array.from({ length: 0x100 }, (_, n) => n.toString(16).padStart(2, '0'))

/** The messages that are on disk until they are settled: `outbox/<n>`, in the order of sending. */
export class Shelf {
  readonly #store: () => Store
  readonly #decoder = new StandaloneDecoder()
  #last = 0
  /** What the keys of the present 256 begin with. */
  #beginning = ''
  #beginningOf = -1

  constructor(store: () => Store) {
    this.#store = store
  }

  /** A key for one more record. */
  key(): string {
    const n = ++this.#last
    const page = Math.floor(n / 0x100)
    if (page !== this.#beginningOf) {
      this.#beginning = PREFIX + page.toString(16).padStart(DIGITS - 2, '0')
      this.#beginningOf = page
    }
    return this.#beginning + LAST_TWO[n % 0x100]!
  }

  /** What puts it here as it is now. Its draft must be here. */
  changes(consignment: Consignment): Change[] {
    const { record, draft, accepted, attempts, spared, content, claim, claimedAt, coordinated, replaces } = consignment
    const peer = claimedAt === '' ? undefined : claimedAt
    const progress = { accepted, attempts, spared, content, coordinated, peer, number: claim?.at ?? 0 }
    const changes: Change[] = [{ key: record, value: encodeRecord(progress, draft!) }]
    if (replaces !== undefined && !consignment.stored) changes.push({ key: replaces, value: undefined })
    return changes
  }

  /** What takes a settled message off the shelf; nobody waits for it: one that comes back is recognised. */
  removal({ record }: Consignment): Change[] {
    return record === '' ? [] : [{ key: record, value: undefined }]
  }

  /** The draft of a record. `ERR_STORAGE`, `ERR_CORRUPT`. */
  async load(record: string): Promise<Draft> {
    const bytes = await this.#store().get(record)
    if (bytes === undefined) throw new MeshError('ERR_CORRUPT', `the record ${record} is gone`)
    return Draft.of(decodeRecord(bytes, this.#decoder).message.outgoing())
  }

  /** All that a former life left, in the order of sending. `unreadable` hears of records that are none. */
  async *recover(
    unreadable: (key: string, error: unknown) => void
  ): AsyncGenerator<StoredMessage & { record: string }> {
    for await (const [record, value] of this.#store().entries(PREFIX)) {
      this.#last = Math.max(this.#last, parseInt(record.slice(PREFIX.length), 16))
      try {
        yield { record, ...decodeRecord(value, this.#decoder) }
      } catch (error) {
        unreadable(record, error)
      }
    }
  }
}
