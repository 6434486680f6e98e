import { FOLLOW_BYTES, POLL } from '../../../../protocols/consensus/constants.ts'
import type { CallBody, FollowedEntry } from '../../../../protocols/consensus/messages.ts'
import { pack, unpack } from '../../../../protocols/envelope/messagepack.ts'
import { MeshError } from '../../../../protocols/errors.ts'
import type { Due } from '../../../core/delivery/deadlines.ts'
import { partOfSnapshot } from '../../../core/replicated/replicated-state.ts'
import { Alarm } from '../../delivery/alarm.ts'
import type { Clock } from '../../ports.ts'
import type { Applied, Followed } from '../types.ts'
import type { LocalReplica } from './types.ts'

/** Who waits for something to happen in a group. */
export interface Waiter {
  /** Nothing that may be large is worked out for it now. */
  readonly full: boolean
  opened(close: () => void): void
  done(index: number, value: Uint8Array): void
  failed(error: unknown): void
}

type Await = Extract<CallBody, { op: 'await' }>
type Follow = Extract<CallBody, { op: 'follow' }>

interface Open extends Due {
  readonly waiter: Waiter
  /** Where a follower goes on. */
  from: number
  readonly call: Await | Follow
  unfollow: () => void
}

/** Calls to one group that are answered once something has changed, or after `POLL` ms. */
export class LongPolls {
  readonly #replica: LocalReplica
  readonly #clock: Clock
  readonly #alarm: Alarm<Open>
  readonly #open = new Set<Open>()
  readonly #leave: () => void
  /** While somebody awaits a change. */
  #unfollow: (() => void) | undefined

  constructor(replica: LocalReplica, clock: Clock) {
    this.#replica = replica
    this.#clock = clock
    this.#alarm = new Alarm(clock, (open) => this.#over(open))
    this.#leave = replica.onChange(() => this.#look())
  }

  /** Answered once a question's answer is another than the caller knows, by the leader alone. */
  await(call: Await, waiter: Waiter): void {
    const open = this.#opening(waiter, call, 0)
    if (this.#changed(open, call)) return
    this.#add(open)
    this.#unfollow ??= this.#replica.follow(this.#replica.applied + 1, (followed) => {
      this.#look('snapshot' in followed ? undefined : touchedBy(followed.applied))
    })
  }

  /** Answered with what a part was told from an index on. */
  follow(call: Follow, waiter: Waiter): void {
    const open = this.#opening(waiter, call, Math.max(1, call.from))
    this.#add(open)
    open.unfollow = this.#replica.follow(open.from, (followed) => this.#followed(open, call, followed))
  }

  stop(): void {
    this.#alarm.stop()
    this.#leave()
    this.#unfollow?.()
    const stopped = new MeshError('ERR_STOPPED', 'the node is stopped')
    for (const { waiter, unfollow } of this.#open) {
      unfollow()
      waiter.failed(stopped)
    }
    this.#open.clear()
  }

  #opening(waiter: Waiter, call: Await | Follow, from: number): Open {
    return { waiter, call, from, at: this.#clock.monotonic() + POLL, slot: -1, unfollow: () => {} }
  }

  #add(open: Open): void {
    this.#open.add(open)
    this.#alarm.add(open)
    open.waiter.opened(() => this.#end(open))
  }

  #end(open: Open): void {
    this.#open.delete(open)
    this.#alarm.remove(open)
    open.unfollow()
  }

  #over(open: Open): void {
    this.#end(open)
    const { waiter, call, from } = open
    if (call.op !== 'follow') waiter.done(0, call.known)
    // It may have been left out, or cut off: others have more to tell.
    else if (this.#replica.status().leader === undefined) waiter.failed(notLed())
    else waiter.done(from, NOTHING)
  }

  /** Something was applied to these parts, or to any; or somebody else leads. */
  #look(parts?: ReadonlySet<string>): void {
    let awaited = false
    for (const open of this.#open) {
      if (open.call.op === 'follow') continue
      if ((parts === undefined || parts.has(open.call.part)) && this.#changed(open, open.call)) this.#end(open)
      else awaited = true
    }
    if (awaited) return
    this.#unfollow?.()
    this.#unfollow = undefined
  }

  /** Whether there was an answer, or nobody to give one. */
  #changed({ waiter }: Open, { part, question, known }: Await): boolean {
    try {
      if (this.#replica.status().role !== 'leader') throw new MeshError('ERR_NOT_LEADER', 'this replica does not lead')
      if (waiter.full) throw muchWaits()
      const value = pack(this.#replica.query(part, unpack(question)))
      if (Buffer.compare(value, known) === 0) return false
      waiter.done(this.#replica.applied, value)
    } catch (error) {
      waiter.failed(error)
    }
    return true
  }

  #followed(open: Open, { part, bytes }: Follow, followed: Followed): void {
    if (!this.#open.has(open)) return
    const { waiter } = open
    try {
      if (waiter.full) throw muchWaits()
      if ('snapshot' in followed) {
        const { index, snapshot } = followed
        waiter.done(index + 1, pack([[index, partOfSnapshot(snapshot, part)]]))
      } else {
        const { entries, next } = entriesOf(followed, part, Math.max(1, Math.min(bytes, FOLLOW_BYTES)))
        open.from = next
        if (entries.length === 0) return
        waiter.done(next, pack([null, ...entries]))
      }
    } catch (error) {
      waiter.failed(error)
    }
    this.#end(open)
  }
}

const NOTHING = pack([null])

/** It is asked again. */
export function muchWaits(): MeshError {
  return new MeshError('ERR_QUEUE_FULL', 'large answers wait already')
}

function notLed(): MeshError {
  return new MeshError('ERR_NOT_LEADER', 'this replica hears of no leader')
}

/** A step of deliveries lets go of its lock. */
function touchedBy(applied: readonly Applied[]): Set<string> {
  const parts = new Set(applied.map(({ part }) => part))
  if (parts.has('deliveries')) parts.add('locks')
  return parts
}

/** What the part took and did not refuse, as much as fits; and the index after it. */
function entriesOf(
  { applied, index }: Extract<Followed, { applied: unknown }>,
  wanted: string,
  most: number
): { entries: FollowedEntry[]; next: number } {
  const entries: FollowedEntry[] = []
  let bytes = 0
  for (const { index: at, term, part, body, outcome } of applied) {
    if (part !== wanted || !outcome.ok) continue
    if (bytes >= most) return { entries, next: entries.at(-1)![0] + 1 }
    const record = pack([body, outcome.value])
    bytes += record.length
    entries.push([at, term, record])
  }
  return { entries, next: index + 1 }
}
