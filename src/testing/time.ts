import { AsyncLocalStorage } from 'node:async_hooks'
import { MeshError } from '../../protocols/errors.ts'
import type { Clock, Timer } from '../runtime/ports.ts'
import { EventQueue, type Scheduled } from './event-queue.ts'

/** What a simulation's wall clock shows at its beginning. */
const EPOCH = Date.UTC(2026, 0, 1)
/** Real ms that `run` grants to work outside the simulation (keys, files) when nothing is left to happen inside it. */
const GRACE = 250

/** A clock that dies with its node: after `stop` no timer of it fires any more. */
export interface MortalClock extends Clock {
  stop(): void
}

/** Those for whom time passes while nobody advances it. */
export interface Audience {
  /** Virtual ms for which time may still pass by itself; negative when nobody waits. */
  patience(): number
  /** So many ms have passed by themselves. */
  passed(ms: number): void
  /** Something that time had not brought about was scheduled while it stood still. */
  stirred(): void
}

/**
 * Virtual time. It stands still until somebody advances it or its audience waits; then events run one by one in the order
 * of their time, and between two of them every promise that can settle has settled. One at a time moves it: an advance
 * takes over from what passes by itself.
 */
export class Time {
  audience: Audience | undefined
  readonly #queue = new EventQueue()
  readonly #inside = new AsyncLocalStorage<true>()
  #now = 0
  #born = 0
  #advancing = false
  #flowing = false

  /** ms since the simulation began. */
  get now(): number {
    return this.#now
  }

  /** Whether this code runs in the course of an event, before or after whatever it awaited there. */
  get inside(): boolean {
    return this.#inside.getStore() === true
  }

  at(time: number, run: () => void): Timer {
    const event: Scheduled = { at: Math.max(time, this.#now), order: this.#born++, run }
    this.#queue.push(event)
    if (!this.#advancing && !this.#flowing) {
      this.audience?.stirred()
      this.flow()
    }
    return {
      cancel() {
        event.run = undefined
      }
    }
  }

  clock(): MortalClock {
    let alive = true
    const guarded = (fn: () => void) => () => {
      if (alive) fn()
    }
    return {
      now: () => EPOCH + Math.floor(this.#now),
      monotonic: () => this.#now,
      after: (ms, fn) => this.at(this.#now + Math.max(ms, 0), guarded(fn)),
      endOfTurn: (fn) => void this.at(this.#now, guarded(fn)),
      stop: () => {
        alive = false
      }
    }
  }

  /** Lets `ms` pass. An error that an event throws is thrown from here: in production it would have ended the process. */
  advance(ms: number): Promise<void> {
    return this.#exclusively(async () => {
      const end = this.#now + ms
      await settled()
      while (this.#step(end)) await settled()
      this.#now = end
    })
  }

  /** Lets time pass until `promise` settles. Throws `ERR_TIMEOUT` after `limit` virtual ms or when nothing is left to happen. */
  run<T>(promise: Promise<T>, limit: number): Promise<T> {
    let pending = true
    const done = () => {
      pending = false
    }
    promise.then(done, done)
    return this.#exclusively(async () => {
      const end = this.#now + limit
      for (await settled(); pending; await settled()) {
        if (this.#step(end)) continue
        if (this.#queue.peek() === undefined) await settledOrGrace(promise)
        if (pending)
          throw new MeshError(
            'ERR_TIMEOUT',
            `not settled at ${this.#now.toFixed(1)} ms of ${end.toFixed(1)} ms virtual time`
          )
      }
      return promise
    })
  }

  /** Call it when somebody has begun to wait: time passes by itself, for as long as the audience is patient. */
  flow(): void {
    const { audience } = this
    if (audience === undefined || this.#flowing || this.#advancing || audience.patience() < 0) return
    this.#flowing = true
    // What an event throws ends the process, as in production: nobody is there to catch it.
    void this.#flow(audience)
  }

  /** A turn passes first, so that whoever has just advanced the time may go on advancing it. */
  async #flow(audience: Audience): Promise<void> {
    try {
      for (await settled(); !this.#advancing; await settled()) {
        const from = this.#now
        if (!this.#step(from + audience.patience())) return
        audience.passed(this.#now - from)
      }
    } finally {
      this.#flowing = false
    }
  }

  #step(end: number): boolean {
    for (let next = this.#queue.peek(); next !== undefined && next.at <= end; next = this.#queue.peek()) {
      this.#queue.pop()
      if (next.run === undefined) continue
      this.#now = next.at
      this.#inside.run(true, next.run)
      return true
    }
    return false
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#advancing) throw new MeshError('ERR_CONFIG', 'time is advanced from elsewhere already: await that first')
    this.#advancing = true
    try {
      return await work()
    } finally {
      this.#advancing = false
      this.flow()
    }
  }
}

/** A turn of the real event loop: every microtask, and what those started, has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function settledOrGrace(promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, GRACE)
  })
  await Promise.race([promise.catch(() => undefined), grace])
  clearTimeout(timer)
}
