import { listOf, malformed, textOf, wholeOf } from './malformed.ts'
import type { Used } from './recency.ts'

/** ms: a day. A lock that should outlive its holder by more than that is no lock but a fact, which a key can state. */
const MOST_TTL = 86_400_000

/** Of one waiter for one lock, whether it holds it or waits for it; `used` is the entry that renewed it last. */
export class Lease implements Used<Lease> {
  readonly lock: string
  readonly waiter: string
  /** ms that its waiter may be silent. */
  ttl: number
  /** The entry with which it began to wait, or that granted it: then this is its token. */
  since: number
  holds: boolean
  /** Since `since`. */
  renewals = 0
  used = 0
  older: Lease | undefined
  newer: Lease | undefined

  constructor(lock: string, waiter: string, ttl: unknown, since: number, holds: boolean) {
    this.lock = lock
    this.waiter = waiter
    this.ttl = ttlOf(ttl)
    this.since = since
    this.holds = holds
  }

  /** What whoever keeps time proposes once `ttl` ms have passed in which it was not renewed; a renewal voids it. */
  get expiry(): unknown {
    const { lock, waiter, since, renewals } = this
    return this.holds ? { expire: lock, token: since, renewals } : { forget: lock, waiter, since, renewals }
  }

  toData(): unknown[] {
    return [this.lock, this.waiter, this.ttl, this.since, this.holds, this.renewals, this.used]
  }

  static fromData(data: unknown): Lease {
    const [lock, waiter, ttl, since, holds, renewals, used] = listOf(data, 'a lease')
    const name = textOf(lock, 'a lock')
    const lease = new Lease(name, textOf(waiter, 'a waiter'), ttl, wholeOf(since, 'a lease', 1), holds === true)
    lease.renewals = wholeOf(renewals, 'the renewals')
    lease.used = wholeOf(used, 'the use of a lease', 1)
    return lease
  }
}

export function ttlOf(ttl: unknown): number {
  const ms = wholeOf(ttl, 'the ttl', 1)
  if (ms > MOST_TTL) throw malformed(`a ttl of more than ${MOST_TTL} ms`)
  return ms
}
