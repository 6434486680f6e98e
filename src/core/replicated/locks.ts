import { MeshError } from '../../../protocols/errors.ts'
import { Lease, ttlOf } from './lease.ts'
import { type Fields, fieldsOf, listOf, malformed, textOf, wholeOf } from './malformed.ts'
import { NamedTable } from './named-table.ts'
import { Recency } from './recency.ts'
import type { Applying, StateMachine } from './types.ts'

/** Who waits for one lock. */
const MOST_WAITERS = 1_024
/** Of all locks together. */
const MOST_LEASES = 65_536

/** Exists while somebody holds it. */
interface Lock {
  holder: Lease
  /** First come, first served: `since` rises. */
  readonly waiting: Lease[]
}

/**
 * Locks with fencing tokens: a token is the index of the entry that granted it, so a later holder's is greater, of any lock.
 *
 * - `{ acquire: name, waiter, ttl }`: the token, or undefined while it waits. Saying it again renews, whether it holds or waits.
 *   `waiter` names one attempt: two with one name are one. `ttl` is whole ms, at most a day.
 * - `{ renew: name, token }` and `{ release: name, token }`: whether it held. The next in line gets what was released.
 * - `{ leave: name, waiter }`: neither waits nor holds any more; whether it did.
 * - `{ expire: name, token, renewals }` and `{ forget: name, waiter, since, renewals }`: as the former two, unless it was renewed.
 *
 * There is no time here. Who keeps it (the leader) asks `{ deadlines: index }` for the leases that were renewed by later entries,
 * `[ttl, command]` each, and proposes the command once so much of its own time has passed since it learnt of it.
 *
 * Questions: `{ granted: name, waiter }`, the token or undefined; `{ holder: name }`, `{ waiter, token, ttl }` or undefined.
 */
export class Locks implements StateMachine {
  readonly #locks = new NamedTable<Lock>()
  readonly #leases = new Recency<Lease>()
  #count = 0

  apply(command: unknown, { index }: Applying): number | boolean | undefined {
    const fields = fieldsOf(command)
    const { acquire, renew, release, leave, expire, forget } = fields
    if (typeof acquire === 'string') return this.#acquire(acquire, fields, index)
    if (typeof renew === 'string') return this.#renew(renew, wholeOf(fields['token'], 'the token'), index)
    if (typeof release === 'string') return this.release(release, wholeOf(fields['token'], 'the token'), index)
    if (typeof leave === 'string') return this.#end(this.#find(leave, textOf(fields['waiter'], 'the waiter')), index)
    if (typeof expire === 'string') return this.#expire(expire, fields, index)
    if (typeof forget === 'string') return this.#forget(forget, fields, index)
    throw malformed('no command to locks')
  }

  /** Under this token. */
  holds(name: string, token: number): boolean {
    return this.#locks.get(name)?.holder.since === token
  }

  release(name: string, token: number, index: number): boolean {
    return this.holds(name, token) && this.#end(this.#locks.get(name)!.holder, index)
  }

  #acquire(name: string, fields: Fields, index: number): number | undefined {
    const waiter = textOf(fields['waiter'], 'the waiter')
    const known = this.#find(name, waiter)
    if (known === undefined) return this.#join(name, waiter, fields['ttl'], index)
    known.ttl = ttlOf(fields['ttl'])
    this.#renewed(known, index)
    return known.holds ? known.since : undefined
  }

  #join(name: string, waiter: string, ttl: unknown, index: number): number | undefined {
    const lock = this.#locks.get(name)
    const lease = new Lease(name, waiter, ttl, index, lock === undefined)
    if (this.#count >= MOST_LEASES) throw new MeshError('ERR_LIMIT', `there are ${MOST_LEASES} leases of locks`)
    if (lock === undefined) this.#locks.set(name, { holder: lease, waiting: [] })
    else if (lock.waiting.length < MOST_WAITERS) lock.waiting.push(lease)
    else throw new MeshError('ERR_LIMIT', `${MOST_WAITERS} wait for the lock`)
    this.#leases.add(lease, index)
    this.#count++
    return lease.holds ? index : undefined
  }

  #renew(name: string, token: number, index: number): boolean {
    if (!this.holds(name, token)) return false
    this.#renewed(this.#locks.get(name)!.holder, index)
    return true
  }

  #renewed(lease: Lease, index: number): void {
    lease.renewals++
    this.#leases.use(lease, index)
  }

  #expire(name: string, fields: Fields, index: number): boolean {
    const holder = this.#locks.get(name)?.holder
    return this.#isAsSeen(holder, fields['token'], fields['renewals']) && this.#end(holder, index)
  }

  #forget(name: string, fields: Fields, index: number): boolean {
    const lease = this.#find(name, textOf(fields['waiter'], 'the waiter'))
    // What was seen of who waits says nothing of the holder that it became.
    return this.#isAsSeen(lease, fields['since'], fields['renewals']) && !lease!.holds && this.#end(lease, index)
  }

  #isAsSeen(lease: Lease | undefined, since: unknown, renewals: unknown): boolean {
    const seen = [wholeOf(since, 'the lease'), wholeOf(renewals, 'the renewals')]
    return lease?.since === seen[0] && lease?.renewals === seen[1]
  }

  /** Whoever is next in line gets what it held. */
  #end(lease: Lease | undefined, index: number): boolean {
    if (lease === undefined) return false
    this.#leases.delete(lease)
    this.#count--
    const lock = this.#locks.get(lease.lock)!
    if (!lease.holds) lock.waiting.splice(lock.waiting.indexOf(lease), 1)
    else if (lock.waiting.length === 0) this.#locks.delete(lease.lock)
    else this.#grant(lock, index)
    return true
  }

  #grant(lock: Lock, index: number): void {
    const next = lock.waiting.shift()!
    next.holds = true
    next.since = index
    next.renewals = 0
    this.#leases.use(next, index)
    lock.holder = next
  }

  #find(name: string, waiter: string): Lease | undefined {
    const lock = this.#locks.get(name)
    if (lock === undefined || lock.holder.waiter === waiter) return lock?.holder
    return lock.waiting.find((lease) => lease.waiter === waiter)
  }

  query(question: unknown): unknown {
    const fields = fieldsOf(question)
    const { granted, holder, deadlines } = fields
    if (typeof granted === 'string') {
      const lease = this.#find(granted, textOf(fields['waiter'], 'the waiter'))
      return lease?.holds ? lease.since : undefined
    }
    if (typeof holder === 'string') {
      const lease = this.#locks.get(holder)?.holder
      return lease && { waiter: lease.waiter, token: lease.since, ttl: lease.ttl }
    }
    if (deadlines === undefined) throw malformed('no question to locks')
    return this.#deadlines(wholeOf(deadlines, 'the index'))
  }

  #deadlines(after: number): unknown[] {
    const found: unknown[] = []
    for (let lease = this.#leases.newest; lease !== undefined && lease.used > after; lease = lease.older) {
      found.push([lease.ttl, lease.expiry])
    }
    return found
  }

  /** In the order of their renewals; the lines follow from the leases, since whoever waits longer began before. */
  snapshot(): unknown[] {
    return Array.from(this.#leases, (lease) => lease.toData())
  }

  restore(state: unknown): void {
    this.#locks.clear()
    this.#leases.clear()
    const leases = listOf(state, 'the leases').map(Lease.fromData)
    this.#count = leases.length
    for (const lease of leases) {
      this.#leases.add(lease, lease.used)
      if (!lease.holds) continue
      if (this.#locks.get(lease.lock) !== undefined) throw malformed('a lock with two holders')
      this.#locks.set(lease.lock, { holder: lease, waiting: [] })
    }
    for (const lease of leases.filter(({ holds }) => !holds).sort((a, b) => a.since - b.since)) {
      const lock = this.#locks.get(lease.lock)
      if (lock === undefined) throw malformed('who waits for a lock that nobody holds')
      lock.waiting.push(lease)
    }
  }
}
