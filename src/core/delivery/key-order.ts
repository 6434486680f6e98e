import { type InLine, WaitingLine } from './waiting-line.ts'

/** Something of which, where it has an order, one at a time may go. */
export interface Ordered extends InLine {
  readonly order: string | undefined
}

interface Lane<T extends Ordered> {
  /** It may go, or is under way. */
  head: T
  /** What waits behind it; most lanes have nobody there. */
  line: WaitingLine<T> | undefined
}

/** First in, first out for each lane: the next may go when the one before has ended, however it ended. */
export class KeyOrder<T extends Ordered> {
  readonly #lanes = new Map<string, Lane<T>>()

  /** Lanes with something in them. */
  get size(): number {
    return this.#lanes.size
  }

  /** True where it may go now; else `ended` of the one before it returns it. */
  enter(item: T): boolean {
    if (item.order === undefined) return true
    const lane = this.#lanes.get(item.order)
    if (lane === undefined) {
      this.#lanes.set(item.order, { head: item, line: undefined })
      return true
    }
    lane.line ??= new WaitingLine()
    lane.line.push(item)
    return false
  }

  /** Whether it still waits for one before it. */
  waits(item: T): boolean {
    return item.order !== undefined && this.#lanes.get(item.order)?.head !== item
  }

  /** It is gone, wherever it was. Returns the one that may go now because of it. */
  ended(item: T): T | undefined {
    if (item.order === undefined) return undefined
    const lane = this.#lanes.get(item.order)
    if (lane === undefined) return undefined
    if (lane.head !== item) {
      lane.line?.forget()
      return undefined
    }
    const next = lane.line?.shift()
    if (next === undefined) this.#lanes.delete(item.order)
    else lane.head = next
    return next
  }
}
