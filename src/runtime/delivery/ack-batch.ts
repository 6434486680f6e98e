import { encodeAck } from '../../../protocols/point-to-point/codec.ts'
import { Kind, MAX_RANGES } from '../../../protocols/point-to-point/constants.ts'
import type { StreamLink } from '../links/link.ts'
import type { Flushable, Turn } from '../links/turn.ts'

/** Acknowledgements of one kind (`ack`, `again`) on one stream, merged into ranges until the code that is running is through. */
export class AckBatch implements Flushable {
  readonly #link: StreamLink
  readonly #turn: Turn
  readonly #kind: number
  #ranges: number[] = []
  #rising = true
  #scheduled = false
  #flushedIn = -1

  constructor(link: StreamLink, turn: Turn, kind: number = Kind.ack) {
    this.#link = link
    this.#turn = turn
    this.#kind = kind
  }

  add(sequence: number): void {
    const ranges = this.#ranges
    const { length } = ranges
    if (length > 0 && ranges[length - 1] === sequence - 1) {
      ranges[length - 1] = sequence
    } else {
      if (length > 0 && sequence < ranges[length - 1]!) this.#rising = false
      ranges.push(sequence, sequence)
    }
    if (ranges.length >= 2 * MAX_RANGES) this.flush()
    else if (!this.#scheduled) {
      this.#scheduled = true
      this.#turn.schedule(this, this.#flushedIn)
    }
  }

  flush(): void {
    this.#scheduled = false
    this.#flushedIn = this.#turn.number
    const ranges = this.#rising ? this.#ranges : sorted(this.#ranges)
    if (ranges.length === 0 || this.#link.closed) return
    this.#ranges = []
    this.#rising = true
    this.#link.send(this.#kind, encodeAck(ranges), false)
    this.#link.flush()
  }
}

function sorted(ranges: number[]): number[] {
  const pairs: [number, number][] = []
  for (let i = 0; i < ranges.length; i += 2) pairs.push([ranges[i]!, ranges[i + 1]!])
  return pairs.sort((a, b) => a[0] - b[0]).flat()
}
