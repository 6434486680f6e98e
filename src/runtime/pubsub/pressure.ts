import type { Link } from '../links/types.ts'
import type { Clock, Timer } from '../ports.ts'

/** A subscription that slows its publishers. */
export interface Pressing {
  /** Called once when it has pressed for too long: it no longer does, and sheds by itself. */
  overrun(publisher: string): void
}

interface Press {
  publishers: Set<string>
  timer: Timer | undefined
}

/**
 * What `overflow: 'reject'` means beyond its own subscription. While one that a publisher feeds is above its high watermark,
 * that publisher's link is given no credit back: frames that came are delivered to everybody (the others lose nothing), but
 * the publisher soon has to wait, for all topics that it sends here. That lasts `stall` ms at most; then the subscription
 * sheds what does not fit, counted, until it has caught up, and the others go on.
 */
export class Pressure {
  readonly #clock: Clock
  readonly #stall: number
  readonly #presses = new Map<Pressing, Press>()
  readonly #byPublisher = new Map<string, Set<Pressing>>()
  readonly #owed = new Map<string, { link: Link; bytes: number }[]>()
  /** A subscription no longer presses: local publishers may go on. */
  onReleased: () => void = () => {}

  /** `stall`: ms, or infinity where nothing is ever shed. */
  constructor(clock: Clock, stall: number) {
    this.#clock = clock
    this.#stall = stall
  }

  /** True where this publisher has newly been slowed by this subscription. */
  press(publisher: string, subscription: Pressing): boolean {
    let press = this.#presses.get(subscription)
    if (press === undefined) {
      const overrun = () => {
        subscription.overrun(publisher)
        this.release(subscription)
      }
      const timer = this.#stall === Number.POSITIVE_INFINITY ? undefined : this.#clock.after(this.#stall, overrun)
      press = { publishers: new Set(), timer }
      this.#presses.set(subscription, press)
    }
    if (press.publishers.has(publisher)) return false
    press.publishers.add(publisher)
    const pressing = this.#byPublisher.get(publisher)
    if (pressing === undefined) this.#byPublisher.set(publisher, new Set([subscription]))
    else pressing.add(subscription)
    return true
  }

  release(subscription: Pressing): void {
    const press = this.#presses.get(subscription)
    if (press === undefined) return
    press.timer?.cancel()
    this.#presses.delete(subscription)
    for (const publisher of press.publishers) {
      const pressing = this.#byPublisher.get(publisher)
      pressing?.delete(subscription)
      if (pressing === undefined || pressing.size > 0) continue
      this.#byPublisher.delete(publisher)
      const owed = this.#owed.get(publisher) ?? []
      this.#owed.delete(publisher)
      for (const { link, bytes } of owed) if (!link.closed) link.consumed(bytes)
    }
    this.onReleased()
  }

  on(publisher: string): boolean {
    return this.#byPublisher.has(publisher)
  }

  /** A counted frame was dealt with: its credit goes back, now or when the pressure is over. */
  credit(link: Link, bytes: number): void {
    if (!this.#byPublisher.has(link.peer)) {
      if (!link.closed) link.consumed(bytes)
      return
    }
    const owed = this.#owed.get(link.peer)
    if (owed === undefined) this.#owed.set(link.peer, [{ link, bytes }])
    else owed.push({ link, bytes })
  }

  stop(): void {
    for (const subscription of [...this.#presses.keys()]) this.release(subscription)
  }
}
