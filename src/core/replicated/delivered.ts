import { parseId } from '../../../protocols/envelope/id.ts'
import { DeliverySource } from './delivery-source.ts'
import { listOf, malformed } from './malformed.ts'
import { NamedTable } from './named-table.ts'
import { Recency } from './recency.ts'

const MOST_SOURCES = 65_536
/** Ranges and texts of all sources: 16 to 50 MB. */
const MOST_WEIGHT = 262_144

/**
 * Which messages were delivered, named by source and id, in bounded memory:
 *
 * - Of ids that nodes make, and other UUIDs of version 7, it keeps the ranges that they form, 16,384 of a source: what a source
 *   says to nobody but the group is one range an hour however much it is, and of ids with gaps the last 12,288 at least are known.
 *   What is below, or as old, is `undefined`: it may or may not have been delivered, and whoever has to be safe refuses it.
 * - Of ids of a sender's own, which have no order, the last 2,048 of a source are known, and what is older counts as not delivered.
 * - A source of which nothing was recorded for longest is forgotten where 65,536 others, or 262,144 ranges and texts, came
 *   since: what it sent counts as not delivered.
 */
export class Delivered {
  readonly #sources = new NamedTable<DeliverySource>()
  readonly #recency = new Recency<DeliverySource>()
  #weight = 0

  /** Undefined where nobody knows any more. */
  has(delivery: string): boolean | undefined {
    const { name, id } = split(delivery)
    const source = this.#sources.get(name)
    if (source === undefined) return false
    const place = parseId(id)
    return place === undefined ? source.hasText(id) : source.has(place)
  }

  /** The delivery must be known not to be in it. */
  add(delivery: string, index: number): void {
    const { name, id } = split(delivery)
    const source = this.#sources.get(name) ?? this.#open(name, index)
    const before = source.weight
    const place = parseId(id)
    if (place === undefined) source.addText(id, index)
    else source.add(place)
    this.#recency.use(source, index)
    this.#weight += source.weight - before
    while (this.#isOverfull()) this.#drop(this.#recency.oldest!)
  }

  /** One source alone never is: it bounds itself. */
  #isOverfull(): boolean {
    return this.#weight > MOST_WEIGHT || this.#sources.size > MOST_SOURCES
  }

  #open(name: string, index: number): DeliverySource {
    const source = new DeliverySource(name)
    this.#sources.set(name, source)
    this.#recency.add(source, index)
    return source
  }

  #drop(source: DeliverySource): void {
    this.#sources.delete(source.name)
    this.#recency.delete(source)
    this.#weight -= source.weight
  }

  /** From the source on of which nothing was recorded for longest. */
  toData(): unknown[] {
    return Array.from(this.#recency, (source) => source.toData())
  }

  restore(data: unknown): void {
    this.#sources.clear()
    this.#recency.clear()
    this.#weight = 0
    for (const item of listOf(data, 'the sources')) {
      const source = DeliverySource.fromData(item)
      if (this.#sources.get(source.name) !== undefined) throw malformed('a source twice')
      this.#sources.set(source.name, source)
      this.#recency.add(source, source.used)
      this.#weight += source.weight
    }
  }
}

/** `<source> <id>`: a source is a URI, which has no spaces. */
function split(delivery: string): { name: string; id: string } {
  const at = delivery.indexOf(' ')
  return { name: delivery.slice(0, Math.max(at, 0)), id: delivery.slice(at + 1) }
}
