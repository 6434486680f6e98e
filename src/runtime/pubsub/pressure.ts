import type { Link } from '../links/types.ts'
import type { Clock, Timer } from '../ports.ts'

/** A subscription that slows its publishers. */
export interface Pressing {
  /** Called when it has pressed for too long. True: it no longer does, and sheds by itself; false: it is given as long again. */
  overrun(publisher: string): boolean
}

interface Press {
  publishers: Set<string>
  timer: Timer
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

  /** `stall`: ms. */
  constructor(clock: Clock, stall: number) {
    this.#clock = clock
    this.#stall = stall
  }

  /** True where this publisher has newly been slowed by this subscription. */
  press(publisher: string, subscription: Pressing): boolean {
    let press = this.#presses.get(subscription)
    if (press === undefined) {
      press = { publishers: new Set(), timer: this.#timer(publisher, subscription) }
      this.#presses.set(subscription, press)
    }
    if (press.publishers.has(publisher)) return false
    press.publishers.add(publisher)
    const pressing = this.#byPublisher.get(publisher)
    if (pressing === undefined) this.#byPublisher.set(publisher, new Set([subscription]))
    else pressing.add(subscription)
    return true
  }

  #timer(publisher: string, subscription: Pressing): Timer {
    return this.#clock.after(this.#stall, () => {
      const press = this.#presses.get(subscription)
      if (subscription.overrun(publisher)) this.release(subscription)
      else if (press !== undefined) press.timer = this.#timer(publisher, subscription)
    })
  }

  release(subscription: Pressing): void {
    const press = this.#presses.get(subscription)
    if (press === undefined) return
    press.timer.cancel()
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
