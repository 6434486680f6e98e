import type { LogEntry } from '../../../../protocols/publish-subscribe/messages.ts'
import { Recent, type RecentLimits } from '../../../core/pubsub/recent.ts'
import { RecentScan } from './scan.ts'
import type { LogScan, ReadableLog } from './types.ts'

/** The newest of what a subscription was given of a publisher's log: what others may have once the publisher is gone. */
export class Replica implements ReadableLog {
  readonly #limits: RecentLimits
  #recent: Recent
  epoch = 0
  last = 0

  constructor(limits: RecentLimits) {
    this.#limits = limits
    this.#recent = new Recent(limits)
  }

  get first(): number {
    return this.#recent.base + 1
  }

  /** Everything that matched from behind `after` up to `to`; where that does not go on from `last`, what was before is forgotten. */
  extend(epoch: number, after: number, to: number, entries: readonly LogEntry[]): void {
    if (epoch !== this.epoch || after !== this.last) this.#recent = new Recent(this.#limits, after)
    for (const { sequence, time, topic, bytes } of entries) this.#recent.push(sequence, time, topic, bytes)
    this.epoch = epoch
    this.last = to
  }

  end(): number {
    return this.last
  }

  /** Nobody reads it by time. */
  before(): number {
    return this.#recent.base
  }

  scan(after: number): LogScan {
    return new RecentScan(this, this.#recent, after)
  }
}
