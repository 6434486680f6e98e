import { ByteReader } from '../../../../protocols/publish-subscribe/bytes.ts'
import { readBatch } from '../../../../protocols/publish-subscribe/codec.ts'
import type { LogEntry, NumberedBatch } from '../../../../protocols/publish-subscribe/messages.ts'
import type { RecentLimits } from '../../../core/pubsub/recent.ts'
import type { Chunk, LogScan, ReadableLog } from './types.ts'

interface Kept {
  readonly numbered: NumberedBatch
  /** Wall-clock ms when it came. */
  readonly time: number
}

/** Numbers that came by a stream are comparable in one life of the publisher only: its disk may lose the newest of them. No log has this epoch. */
export function epochOfLife(life: number): number {
  return 2 * life + 1
}

/**
 * The newest batches that a publisher's stream has brought, as they came: what others may have once the publisher is gone.
 *
 * Invariant: it holds all that this node wanted of the publisher's numbers above `base`, up to `last`.
 */
export class StreamReplica {
  readonly epoch: number
  readonly #limits: RecentLimits
  readonly #batches: Kept[] = []
  /** From which number on the publisher knew what this node wants, by the rising numbers of what it announced. */
  readonly #interests: { interest: number; base: number }[] = []
  bytes = 0
  base: number
  last: number

  constructor(limits: RecentLimits, life: number, base: number) {
    this.#limits = limits
    this.epoch = epochOfLife(life)
    this.base = this.last = base
  }

  /** `numbered` follows what came before; its views are copied. */
  extend(numbered: NumberedBatch, time: number): void {
    const batch = numbered.batch.slice()
    this.#batches.push({ numbered: { ...numbered, numbers: numbered.numbers.slice(), batch }, time })
    this.bytes += batch.length
    this.last = numbered.last
    while (this.bytes > this.#limits.bytes || this.#batches.length > this.#limits.messages) this.drop()
  }

  /** The oldest goes. */
  drop(): void {
    const oldest = this.#batches.shift()
    if (oldest === undefined) return
    this.bytes -= oldest.numbered.batch.length
    this.base = oldest.numbered.last
  }

  /** Above `base` the publisher knew everything that was announced up to number `interest`. */
  knows(interest: number, base: number): void {
    if (interest > (this.#interests.at(-1)?.interest ?? 0)) this.#interests.push({ interest, base })
  }

  /** What is whole of a pattern that was announced under the number; undefined where the publisher may not have known it. */
  read(interest: number): ReadableLog | undefined {
    const known = this.#interests.find((one) => one.interest >= interest)
    if (known === undefined) return undefined
    const replica = this
    return {
      epoch: this.epoch,
      get first() {
        return Math.max(replica.base, known.base) + 1
      },
      get last() {
        return replica.last
      },
      end: () => replica.last,
      before: () => Math.max(replica.base, known.base),
      scan: (after) => new BatchScan(replica, after)
    }
  }

  between(after: number, bytes: number): Chunk {
    const entries: LogEntry[] = []
    let size = 0
    for (const { numbered, time } of this.#batches) {
      if (numbered.last <= after) continue
      const numbers = new ByteReader(numbered.numbers)
      let sequence = numbered.before
      readBatch(numbered.batch, (topic, message) => {
        sequence += numbers.number()
        if (sequence <= after) return
        entries.push({ sequence, time, topic, bytes: message })
        size += message.length
      })
      if (size >= bytes) return { after, to: numbered.last, entries }
    }
    return { after, to: Math.max(after, this.last), entries }
  }
}

class BatchScan implements LogScan {
  readonly #replica: StreamReplica
  #at: number

  constructor(replica: StreamReplica, after: number) {
    this.#replica = replica
    this.#at = after
  }

  next(bytes: number): Chunk {
    const chunk = this.#replica.between(Math.max(this.#at, this.#replica.base), bytes)
    this.#at = chunk.to
    return chunk
  }

  close(): void {}
}
