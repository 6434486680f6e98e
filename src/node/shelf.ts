import { StandaloneDecoder } from '../../protocols/envelope/standalone.ts'
import { MeshError } from '../../protocols/errors.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import { decodeRecord, encodeRecord, type StoredMessage } from '../runtime/delivery/outbox-record.ts'
import type { Change, Store } from '../runtime/storage/types.ts'
import type { Consignment } from './consignment.ts'
import type { Numbers } from './numbers.ts'

const PREFIX = 'outbox/'

/** The messages that are on disk until they are settled: `outbox/<n>`, in the order of sending. */
export class Shelf {
  readonly #store: () => Store
  readonly #numbers: Numbers
  readonly #decoder = new StandaloneDecoder()
  #last = 0

  constructor(store: () => Store, numbers: Numbers) {
    this.#store = store
    this.#numbers = numbers
  }

  /** A key for one more record. */
  key(): string {
    return PREFIX + (++this.#last).toString(16).padStart(14, '0')
  }

  /** Writes the record as it is now, and in the same batch what its number needs. Its draft must be here. `ERR_STORAGE`. */
  write(consignment: Consignment): Promise<void> {
    const { record, draft, accepted, attempts, spared, content, claim, claimedAt, coordinated, replaces } = consignment
    const said = { accepted, attempts, spared, content, coordinated }
    const progress = { ...said, peer: claimedAt || undefined, number: claim?.at ?? 0 }
    const changes: Change[] = [{ key: record, value: encodeRecord(progress, draft!) }]
    if (replaces !== undefined && !consignment.stored) changes.push({ key: replaces, value: undefined })
    const reservation = claim === undefined ? undefined : this.#numbers.reserve(claimedAt, changes)
    const written = this.#store().write(changes)
    if (reservation !== undefined) written.then(reservation.done, reservation.failed)
    return written
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
