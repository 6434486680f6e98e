import { DeliveryPage, type Place, pageNameOf } from './delivery-page.ts'
import { Generations } from './generations.ts'
import { listOf, textOf, wholeOf } from './malformed.ts'
import { NamedTable } from './named-table.ts'
import type { Used } from './recency.ts'

/** Ranges of one source; then it forgets its own lowest, and nobody else's. */
export const MOST_RANGES = 16_384
/** Ids of senders' own, of which no order is known. */
export const MOST_TEXTS = 2_048

/** What was delivered of one source's messages. */
export class DeliverySource implements Used<DeliverySource> {
  readonly name: string
  used = 0
  older: DeliverySource | undefined
  newer: DeliverySource | undefined
  /** ms: of the youngest id on a page that was forgotten. What is on no page and not younger is not known. */
  #floor = -1
  readonly #pages = new NamedTable<DeliveryPage>()
  #texts: Generations | undefined
  #ranges = 0

  constructor(name: string) {
    this.name = name
  }

  /** Ranges and texts. */
  get weight(): number {
    return this.#ranges + (this.#texts?.size ?? 0)
  }

  /** Undefined where nobody knows any more. */
  has(place: Place): boolean | undefined {
    const page = this.#pages.get(pageNameOf(place))
    if (page !== undefined) return page.has(place)
    return place.ms <= this.#floor ? undefined : false
  }

  /** The place must be known not to be in it. */
  add(place: Place): void {
    const name = pageNameOf(place)
    const page = this.#pages.get(name) ?? new DeliveryPage(name, place.counter)
    const before = page.count
    if (before === 0) this.#pages.set(name, page)
    page.add(place)
    this.#ranges += page.count - before
    while (this.#ranges > MOST_RANGES) this.#shed(this.#pages.first!)
  }

  hasText(id: string): boolean {
    return this.#texts?.get(id) !== undefined
  }

  addText(id: string, index: number): void {
    this.#texts ??= new Generations(MOST_TEXTS)
    this.#texts.add(id, index)
  }

  /** `page`: the one that was begun before all others. */
  #shed(page: DeliveryPage): void {
    const before = page.count
    page.shed()
    this.#ranges += page.count - before
    if (page.count > 0) return
    this.#pages.delete(page.name)
    this.#floor = Math.max(this.#floor, page.latest)
  }

  toData(): unknown[] {
    const pages = Array.from(this.#pages.values(), (page) => page.toData())
    return [this.name, this.used, this.#floor, pages, this.#texts?.toData()]
  }

  static fromData(data: unknown): DeliverySource {
    const [name, used, floor, pages, texts] = listOf(data, 'a source')
    const source = new DeliverySource(textOf(name, 'a source'))
    source.used = wholeOf(used, 'the use of a source', 1)
    source.#floor = wholeOf(floor, 'the floor of a source', -1)
    for (const page of listOf(pages, 'the pages').map(DeliveryPage.fromData)) {
      source.#pages.set(page.name, page)
      source.#ranges += page.count
    }
    if (texts === undefined) return source
    source.#texts = new Generations(MOST_TEXTS)
    source.#texts.restore(texts)
    return source
  }
}
