import { Ranges } from '../delivery/ranges.ts'
import { listOf, malformed, textOf, wholeOf } from './malformed.ts'

/** An id's place among those of one source: when it was made, and by counting. */
export interface Place {
  readonly ms: number
  readonly counter: number
  readonly lineage: string
}

/**
 * 35 minutes. A counter of 32 bits starts over, and within a page it must not: that would take a million ids a second from one
 * node, all the while.
 */
const PAGE_MS = 2 ** 21
/** Relative to the first, counters are numbers of 32 bits with a sign. */
const LOWEST = -(2 ** 31)

/** Of the page that holds the place. */
export function pageNameOf({ ms, lineage }: Place): string {
  return `${Math.floor(ms / PAGE_MS)} ${lineage}`
}

/**
 * Ids that one node made within half an hour, as the ranges that their counters form. Counters are taken relative to the first
 * that came, so that they rise across the start of a new round.
 */
export class DeliveryPage {
  readonly name: string
  readonly #base: number
  /** ms of the youngest id that was recorded. */
  #latest = 0
  /** Below is forgotten what was recorded and what was not. */
  #floor = LOWEST
  #ranges = new Ranges()

  constructor(name: string, base: number) {
    this.name = name
    this.#base = base
  }

  get latest(): number {
    return this.#latest
  }

  get count(): number {
    return this.#ranges.count
  }

  /** Undefined where nobody knows any more. */
  has({ counter }: Place): boolean | undefined {
    const number = this.#numberOf(counter)
    return number < this.#floor ? undefined : this.#ranges.has(number)
  }

  add({ counter, ms }: Place): void {
    this.#ranges.add(this.#numberOf(counter))
    if (ms > this.#latest) this.#latest = ms
  }

  /** Forgets a quarter of the ranges, the lowest. */
  shed(): void {
    const { bounds, count } = this.#ranges
    this.#floor = bounds[2 * Math.ceil(count / 4) - 1]! + 1
    this.#ranges.dropBelow(this.#floor)
  }

  #numberOf(counter: number): number {
    return (counter - this.#base) | 0
  }

  toData(): unknown[] {
    return [this.name, this.#base, this.#latest, this.#floor, [...this.#ranges.bounds]]
  }

  static fromData(data: unknown): DeliveryPage {
    const [name, base, latest, floor, bounds] = listOf(data, 'a page')
    const page = new DeliveryPage(textOf(name, 'a page'), wholeOf(base, 'the base'))
    page.#latest = wholeOf(latest, 'the latest of a page')
    page.#floor = wholeOf(floor, 'the floor of a page', LOWEST)
    page.#ranges = rangesOf(bounds)
    return page
  }
}

function rangesOf(data: unknown): Ranges {
  const bounds = listOf(data, 'the ranges').map((bound) => wholeOf(bound, 'a bound', LOWEST))
  const rising = bounds.every(
    (bound, i) => i === 0 || (i % 2 === 1 ? bound >= bounds[i - 1]! : bound > bounds[i - 1]! + 1)
  )
  if (bounds.length % 2 !== 0 || !rising) throw malformed('ranges that are none')
  return new Ranges(bounds)
}
