/** When names are announced. All times monotonic ms. */
export interface ScheduleOptions {
  /** From one announcement of a name to the next. */
  renewAfter: number
  /** From a failed announcement to the next try. */
  retryAfter: number
  /** Between the starts of any two announcements: what keeps ten thousand names from being a storm. */
  gap: number
  /** Announcements under way at once. */
  concurrency: number
}

/**
 * Which name to announce next. Every name is in exactly one of four places; each queue is ordered by when it is due
 * because each adds one constant, so no heap is needed and everything is O(1).
 */
export class AnnouncementSchedule {
  readonly #options: ScheduleOptions
  readonly #fresh = new Map<string, number>()
  readonly #failed = new Map<string, number>()
  readonly #later = new Map<string, number>()
  readonly #running = new Set<string>()
  /** Names withdrawn while their announcement was under way. */
  readonly #withdrawn = new Set<string>()
  #nextStart = 0

  constructor(options: ScheduleOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#fresh.size + this.#failed.size + this.#later.size + this.#running.size - this.#withdrawn.size
  }

  add(name: string, now: number): void {
    this.#withdrawn.delete(name)
    if (this.#running.has(name) || this.#failed.has(name) || this.#later.has(name) || this.#fresh.has(name)) return
    this.#fresh.set(name, now)
  }

  remove(name: string): void {
    for (const queue of [this.#fresh, this.#failed, this.#later]) queue.delete(name)
    if (this.#running.has(name)) this.#withdrawn.add(name)
  }

  /** Starts the announcement of a name that is due, or says that none may start now. */
  take(now: number): string | undefined {
    if (now < this.#nextStart || this.#running.size >= this.#options.concurrency) return undefined
    // What nobody can find yet goes before what is only renewed, and both before what just failed.
    for (const queue of [this.#fresh, this.#later, this.#failed]) {
      const [head] = queue
      if (head === undefined || head[1] > now) continue
      queue.delete(head[0])
      this.#running.add(head[0])
      this.#nextStart = now + this.#options.gap
      return head[0]
    }
    return undefined
  }

  /** The announcement that `take` started has ended. */
  done(name: string, succeeded: boolean, now: number): void {
    if (!this.#running.delete(name) || this.#withdrawn.delete(name)) return
    if (succeeded) this.#later.set(name, now + this.#options.renewAfter)
    else this.#failed.set(name, now + this.#options.retryAfter)
  }

  /** When `take` could next succeed; undefined while only an end of what is under way can change anything. */
  nextDue(): number | undefined {
    if (this.#running.size >= this.#options.concurrency) return undefined
    const heads = [this.#fresh, this.#failed, this.#later].flatMap(([head]) => (head === undefined ? [] : [head[1]]))
    return heads.length === 0 ? undefined : Math.max(this.#nextStart, Math.min(...heads))
  }
}
