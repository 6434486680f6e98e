import { MeshError } from '../../../../protocols/errors.ts'
import type { Due } from '../../../core/delivery/deadlines.ts'
import { encodeCommand } from '../../../core/replicated/command.ts'
import { Alarm } from '../../delivery/alarm.ts'
import type { Clock } from '../../ports.ts'
import type { LocalReplica } from './types.ts'

/** What `{ deadlines }` answers: ms that a lease lasts, and the command that ends it unless it was renewed. */
type Deadline = readonly [ttl: number, expiry: object]

interface Ending extends Due {
  readonly lease: string
  readonly expiry: object
}

/** ms after which an ending that could not be proposed is tried again. A guess. */
const AGAIN = 1_000

/**
 * The time of a group's locks, which their state has none of: while this node leads, it counts each lease's ttl from when
 * it applied the latest renewal, on its monotonic clock, and proposes its end. A new leader grants all of the ttl again, as etcd does.
 */
export class LockKeeper {
  readonly #replica: LocalReplica
  readonly #clock: Clock
  #alarm: Alarm<Ending>
  readonly #leave: () => void
  #unfollow: (() => void) | undefined
  /** The end of each lease as of its latest renewal. */
  readonly #endings = new Map<string, Ending>()
  /** Leases that were renewed up to that entry are known. */
  #known = 0

  constructor(replica: LocalReplica, clock: Clock) {
    this.#replica = replica
    this.#clock = clock
    this.#alarm = this.#newAlarm()
    this.#leave = replica.onChange(() => this.#changed())
    this.#changed()
  }

  stop(): void {
    this.#leave()
    this.#rest()
  }

  #newAlarm(): Alarm<Ending> {
    return new Alarm(this.#clock, (ending) => void this.#end(ending))
  }

  #changed(): void {
    const leads = this.#replica.status().role === 'leader'
    if (!leads) this.#rest()
    else if (this.#unfollow === undefined) {
      this.#unfollow = this.#replica.follow(this.#replica.applied + 1, (followed) => {
        // Deliveries let go of their locks.
        const touches = ({ part }: { part: string }): boolean => part === 'locks' || part === 'deliveries'
        if ('snapshot' in followed || followed.applied.some(touches)) this.#look()
      })
      this.#look()
    }
  }

  #rest(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.#alarm.stop()
    this.#alarm = this.#newAlarm()
    this.#endings.clear()
    this.#known = 0
  }

  #look(): void {
    const now = this.#clock.monotonic()
    const { applied } = this.#replica
    const deadlines = this.#replica.query('locks', { deadlines: this.#known }) as readonly Deadline[]
    this.#known = applied
    for (const [ttl, expiry] of deadlines) this.#set({ lease: leaseOf(expiry), expiry, at: now + ttl, slot: -1 })
  }

  #set(ending: Ending): void {
    const former = this.#endings.get(ending.lease)
    if (former !== undefined) this.#alarm.remove(former)
    this.#endings.set(ending.lease, ending)
    this.#alarm.add(ending)
  }

  /** A renewal in between has voided it: then it changes nothing. */
  async #end(ending: Ending): Promise<void> {
    this.#endings.delete(ending.lease)
    if (!this.#stands(ending.expiry)) return
    const alarm = this.#alarm
    try {
      await this.#replica.propose(
        encodeCommand({ session: 0, number: 0, oldest: 0, part: 'locks', body: ending.expiry })
      )
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      if (alarm !== this.#alarm || this.#endings.has(ending.lease)) return
      this.#set({ ...ending, at: this.#clock.monotonic() + AGAIN })
    }
  }

  /** What was let go meanwhile, as most are, need not be ended. */
  #stands(expiry: object): boolean {
    const { expire, token } = expiry as { expire?: string; token?: number }
    if (expire === undefined) return true
    const holder = this.#replica.query('locks', { holder: expire }) as { token: number } | undefined
    return holder?.token === token
  }
}

/** What its renewals do not change. */
function leaseOf(expiry: object): string {
  return JSON.stringify({ ...expiry, renewals: undefined })
}
