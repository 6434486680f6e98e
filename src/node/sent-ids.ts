import { PageIndex } from '../core/delivery/page-index.ts'
import { decodeSent, encodeSent, type SentRecord } from '../runtime/delivery/sent-record.ts'
import type { Clock } from '../runtime/ports.ts'
import type { Change, Store } from '../runtime/storage/types.ts'
import type { NodeEventBody } from './events.ts'

export interface SentIdsParts {
  store: () => Store
  clock: Clock
  emit: (event: NodeEventBody) => void
  limits: { idRetention: number; sentIds: number }
}

const PREFIX = 'ids/'
/** Ids on a page: one record when it is full, which keeps the store's own index small. A guess: some 100 KB. */
const PAGE = 1_024

interface Page {
  readonly number: number
  /** Wall-clock ms at which the last message on it ended. */
  last: number
}

/**
 * The ids that senders of this node gave their messages, until some time after those ended. Each is a record of its own,
 * `ids/<page>/<n>`, until the page is full; then the page is one, `ids/<page>`. In memory there is the page that is being
 * filled and 24 to 48 bytes for each other id.
 */
export class SentIds {
  readonly #parts: SentIdsParts
  readonly #index = new PageIndex()
  /** Full ones, oldest first. */
  readonly #pages: Page[] = []
  #open: SentRecord[] = []
  #byName = new Map<string, SentRecord>()
  #number = 1
  /** Records that the open page has on disk, those that cannot be read included. */
  #used = 0

  constructor(parts: SentIdsParts) {
    this.#parts = parts
  }

  async load(unreadable: (record: string, error: unknown) => void): Promise<void> {
    for await (const [key, value] of this.#parts.store().entries(PREFIX)) {
      const [page = '', open] = key.slice(PREFIX.length).split('/')
      const number = parseInt(page, 16)
      this.#number = Math.max(this.#number, number + (open === undefined ? 1 : 0))
      if (open !== undefined) this.#used = parseInt(open, 16) + 1
      try {
        const records = decodeSent(value)
        if (open === undefined) this.#full(number, records)
        else for (const record of records) this.#note(record)
      } catch (error) {
        unreadable(key, error)
      }
    }
    const changes: Change[] = []
    this.#expire(changes)
    if (changes.length > 0)
      this.#parts
        .store()
        .write(changes)
        .catch(() => {})
  }

  /** Ids remembered, those that are too old included until their page goes. */
  get size(): number {
    return this.#pages.length * PAGE + this.#open.length
  }

  /** What is remembered of the name; a promise only where a page has to be read. `ERR_STORAGE`. */
  find(name: string): SentRecord | undefined | Promise<SentRecord | undefined> {
    const open = this.#byName.get(name)
    if (open !== undefined) return this.#young(open)
    const pages = this.#index.pagesOf(fingerprintOf(name))
    return pages.length === 0 ? undefined : this.#look(name, pages)
  }

  /** Remembers it; returns what has to be written for that, together with what else its end changes. */
  add(record: SentRecord): Change[] {
    const changes: Change[] = []
    const key = this.#key(this.#used++)
    this.#note(record)
    if (this.#used < PAGE) changes.push({ key, value: encodeSent([record]) })
    else this.#close(changes)
    this.#expire(changes)
    return changes
  }

  async #look(name: string, pages: readonly number[]): Promise<SentRecord | undefined> {
    for (const page of pages) {
      const bytes = await this.#parts.store().get(pageKey(page))
      const record = bytes && decodeSent(bytes).find((one) => one.name === name)
      if (record !== undefined) return this.#young(record)
    }
    return undefined
  }

  #young(record: SentRecord): SentRecord | undefined {
    return record.at + this.#parts.limits.idRetention > this.#parts.clock.now() ? record : undefined
  }

  #note(record: SentRecord): void {
    this.#open.push(record)
    this.#byName.set(record.name, record)
  }

  #key(n: number): string {
    return `${pageKey(this.#number)}/${n.toString(16).padStart(4, '0')}`
  }

  /** The page is full: one record from here on. */
  #close(changes: Change[]): void {
    for (let n = 0; n < this.#used - 1; n++) changes.push({ key: this.#key(n), value: undefined })
    changes.push({ key: pageKey(this.#number), value: encodeSent(this.#open) })
    this.#full(this.#number, this.#open)
    this.#number++
    this.#used = 0
    this.#open = []
    this.#byName = new Map()
  }

  #full(number: number, records: readonly SentRecord[]): void {
    for (const { name } of records) this.#index.add(fingerprintOf(name), number)
    this.#pages.push({ number, last: records.at(-1)?.at ?? 0 })
  }

  /** Whole pages go: what is too old, and what is too much. */
  #expire(changes: Change[]): void {
    const { clock, limits, emit } = this.#parts
    const old = clock.now() - limits.idRetention
    for (let page = this.#pages[0]; page !== undefined; page = this.#pages[0]) {
      const crowded = this.size > Math.max(limits.sentIds, PAGE)
      if (page.last > old && !crowded) return
      if (page.last > old) emit({ kind: 'ids-forgotten', count: PAGE })
      this.#pages.shift()
      this.#index.forgetBefore(page.number + 1)
      changes.push({ key: pageKey(page.number), value: undefined })
    }
  }
}

function pageKey(page: number): string {
  return PREFIX + page.toString(16).padStart(8, '0')
}

/** 48 bits of a digest. */
function fingerprintOf(name: string): number {
  let value = 0
  for (let i = 0; i < 6; i++) value = value * 0x100 + name.charCodeAt(i)
  return value
}
