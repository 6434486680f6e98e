import type { Audience, Time } from './time.ts'

/**
 * `call`: ends by itself. `part`: the next of something that has an end, a stream or a sleep. `reading`: the next of
 * something that has none.
 */
export type WaitKind = 'call' | 'part' | 'reading'

/**
 * Virtual ms that pass by themselves for readers to whom nothing comes: many times the failure detector's and the pings'
 * periods. A reader in the background waits most of its life, so without a bound time would run away with it.
 */
const READING = 60_000
/**
 * Virtual ms that pass by themselves while no call is made or ends: far above every time-out. What waits longer (`ready`
 * with more peers than there are, a stream without end in the background) would keep a processor busy for ever.
 */
const CALL = 3_600_000

/** What is awaited on a simulated mesh from outside of it: while there is any, time passes by itself. */
export class Waits implements Audience {
  readonly #time: Time
  /** Pending, with whom it was asked: a node, or the mesh. */
  readonly #calls = new Set<{ owner: object }>()
  readonly #readings = new Set<{ owner: object }>()
  readonly #gone = new WeakSet<object>()
  /** ms that passed by themselves since something was asked for or came. */
  #quiet = 0
  /** The same since a call was made or ended. */
  #idle = 0

  constructor(time: Time) {
    this.#time = time
    time.audience = this
  }

  /** The promise, settling as it does; time passes until then. What an event's own course awaits moves no time. */
  follow<T>(owner: object, kind: WaitKind, promise: Promise<T>): Promise<T> {
    if (this.#time.inside || this.#gone.has(owner)) return promise
    const pending = kind === 'reading' ? this.#readings : this.#calls
    const wait = { owner }
    pending.add(wait)
    this.#renew(kind)
    this.#time.flow()
    return promise.finally(() => {
      pending.delete(wait)
      this.#renew(kind)
    })
  }

  /** Its clock has stopped: what was asked of it may never settle. */
  forget(owner: object): void {
    this.#gone.add(owner)
    for (const pending of [this.#calls, this.#readings]) {
      for (const wait of pending) if (wait.owner === owner) pending.delete(wait)
    }
  }

  patience(): number {
    const left = CALL - this.#idle
    if (this.#calls.size > 0) return left
    return this.#readings.size > 0 ? Math.min(left, READING - this.#quiet) : -1
  }

  passed(ms: number): void {
    this.#quiet += ms
    this.#idle += ms
  }

  stirred(): void {
    this.#renew('call')
  }

  #renew(kind: WaitKind): void {
    this.#quiet = 0
    if (kind === 'call') this.#idle = 0
  }
}
