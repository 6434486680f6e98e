import { MeshError } from '../../protocols/errors.ts'
import { BoundedQueue } from '../core/flow/queue.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import { PausedSenders } from '../runtime/delivery/paused-senders.ts'
import type { Diversion, MailboxPlan } from './mailbox-options.ts'
import { MailboxSpill, type MailboxSpillHost } from './mailbox-spill.ts'
import type { MailboxOverflow } from './types.ts'

export interface MailboxHost extends MailboxSpillHost {
  /** The agent's queue passed its high watermark. */
  slow(queued: number): void
  /** A message that nobody acknowledges was lost. */
  dropped(inbound: Inbound, error: unknown): void
  /** A message found no room: what became of it or, with 'drop-oldest', of the one that made room. */
  overflowed(strategy: MailboxOverflow, reason: string, inbound: Inbound): void
  /** Sends it on; false where nobody else may have it. */
  redirect(inbound: Inbound, to: Diversion): boolean
}

/**
 * What waits for one handler, in order, and what becomes of what finds no room.
 *
 * With 'reject' senders are slowed from the high watermark on, so that little ever does. The other strategies are chosen
 * so that senders need not wait: they are slowed only where the strategy has no way out (nobody to redirect to, a disk
 * that is full). What its sender bounds by its credit then keeps that credit and waits; the rest is refused.
 */
export class Mailbox {
  readonly #plan: MailboxPlan
  readonly #host: MailboxHost
  readonly #queue: BoundedQueue<Inbound>
  /** What came when the queue was full: it still fills its sender's window, which bounds it. */
  readonly #excess: Inbound[] = []
  readonly #paused = new PausedSenders()
  readonly #spill: MailboxSpill | undefined

  /** `type`: of the messages; undefined for every type. `refilled`: something may be taken where nothing could. */
  constructor(plan: MailboxPlan, type: string | undefined, host: MailboxHost, refilled: () => void) {
    this.#plan = plan
    this.#host = host
    const { overflow, limits } = plan
    const strategy = overflow === 'drop-oldest' ? overflow : 'reject'
    this.#queue = new BoundedQueue(limits, strategy, (oldest) => this.#drop(oldest, 'made room for a newer one'))
    if (overflow === 'spill-to-disk') this.#spill = new MailboxSpill(type, this.#queue, limits, host, refilled)
  }

  /** Messages waiting, wherever. */
  get length(): number {
    return this.#queue.length + this.#excess.length + (this.#spill?.length ?? 0)
  }

  /** True where nothing waits that came before. */
  get isEmpty(): boolean {
    return this.#queue.length + this.#excess.length === 0 && this.#spill?.active !== true
  }

  push(inbound: Inbound): void {
    inbound.detach()
    if (this.#admits && this.#queue.push(inbound, inbound.bytes)) inbound.release()
    else if (!this.#overflow(inbound)) this.#exceed(inbound)
    if (this.#slows) this.#slow(inbound)
  }

  shift(): Inbound | undefined {
    const inbound = this.#queue.shift() ?? this.#spill?.shift() ?? this.#lastOnes()
    this.#spill?.refill()
    if (!this.#slows) this.#paused.resume()
    return inbound
  }

  /** What fills its senders' windows came last: it follows once nothing waits on disk. */
  #lastOnes(): Inbound | undefined {
    if (this.#spill?.active) return undefined
    const inbound = this.#excess.shift()
    while (this.#excess.length > 0 && this.#queue.push(this.#excess[0]!, this.#excess[0]!.bytes)) {
      this.#excess.shift()!.release()
    }
    return inbound
  }

  /** Refuses everything that waits; what is on disk and nobody's but ours stays there. */
  close(reason: MeshError): void {
    const waiting = [...(this.#spill?.close() ?? [])]
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) waiting.push(next)
    for (const inbound of [...waiting, ...this.#excess.splice(0)]) {
      if (inbound.timeout === undefined) this.#host.dropped(inbound, reason)
      inbound.refuse(reason)
    }
    this.#paused.resume()
  }

  /** Whatever comes goes behind what waits already. */
  get #admits(): boolean {
    return this.#excess.length === 0 && this.#spill?.active !== true
  }

  get #slows(): boolean {
    return this.#plan.overflow === 'reject' ? this.#queue.pressed : this.#excess.length > 0
  }

  /** Whether the strategy has dealt with it. */
  #overflow(inbound: Inbound): boolean {
    const { overflow, diversion } = this.#plan
    switch (overflow) {
      case 'drop-newest':
        this.#drop(inbound, 'found no room')
        return true
      case 'spill-to-disk':
        if (this.#excess.length > 0 || !this.#spill!.push(inbound)) return false
        this.#host.overflowed(overflow, 'queue-full', inbound)
        return true
      case 'redirect':
        if (!this.#host.redirect(inbound, diversion)) return false
        this.#host.overflowed(overflow, 'queue-full', inbound)
        return true
      default:
        return false
    }
  }

  /** Its sender's window bounds it, and it waits there; or it is refused. */
  #exceed(inbound: Inbound): void {
    if (inbound.bounded) {
      this.#excess.push(inbound)
      return
    }
    this.#host.overflowed('reject', 'queue-full', inbound)
    this.#refuse(inbound, `${this.length} messages wait for ${inbound.target} already`)
  }

  #drop(inbound: Inbound, why: string): void {
    this.#host.overflowed(this.#plan.overflow, 'queue-full', inbound)
    this.#refuse(inbound, `the message ${why} in the queue of ${inbound.target}`)
  }

  /** Whoever waits for an acknowledgement tries again; of what nobody waits for, this is the only trace. */
  #refuse(inbound: Inbound, why: string): void {
    const error = new MeshError('ERR_QUEUE_FULL', why)
    if (inbound.timeout === undefined) this.#host.dropped(inbound, error)
    inbound.refuse(error)
  }

  #slow(inbound: Inbound): void {
    if (this.#paused.size === 0) this.#host.slow(this.length)
    inbound.pause(this.#paused)
  }
}
