import { MeshError } from '../../../protocols/errors.ts'
import { PROMISE } from '../../../protocols/rate-limits/constants.ts'
import type { RateEntry, RateMessage } from '../../../protocols/rate-limits/messages.ts'
import { LeaseBucket } from '../../core/flow/lease-bucket.ts'
import type { LeaseEffect, LeaseInput } from '../../core/flow/lease-types.ts'
import type { Clock, Timer } from '../ports.ts'
import type { Acquired, AcquireOptions, RateLimit } from './types.ts'

export interface LimitParts {
  self: string
  clock: Clock
  send: (to: string, message: RateMessage) => void
  /** Tells the mesh that this node takes part; resolves once everybody who lives knows. */
  announce: (id: string, entry: RateEntry) => Promise<void>
}

interface Waiting {
  key: string
  resolve: (acquired: Acquired) => void
  reject: (error: unknown) => void
  timer: Timer | undefined
  signal: AbortSignal | undefined
  abort: (() => void) | undefined
}

type Definition = Omit<RateLimit, 'ready'>

/** Keys of one limit, and requests that wait for it, at most. Guesses: some MB. */
const MOST = 10_000
/** ms for which a node that was lost may only be cut off. A guess: most partitions are over by then. */
const FORGET_AFTER = 600_000

/** The driver of one limit: the machine's timer, and a promise for each ticket. */
export class Limit {
  readonly definition: Definition
  readonly ready: Promise<void>
  readonly #parts: LimitParts
  readonly #machine: LeaseBucket
  readonly #waiting = new Map<number, Waiting>()
  readonly #ready = Promise.withResolvers<void>()
  #ticket = 0
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #settling: Timer | undefined
  #closed = false

  constructor(parts: LimitParts, definition: Definition) {
    this.#parts = parts
    this.definition = definition
    this.ready = this.#ready.promise
    // Who never looks at it need not care.
    this.ready.catch(() => {})
    const { id, distributed: shared } = definition
    const { self, clock } = parts
    const bounds = { keys: MOST, waiting: MOST, forgetAfter: FORGET_AFTER }
    this.#machine = new LeaseBucket({ self, id, definition, shared, ...bounds }, clock.monotonic())
    if (!shared) this.#ready.resolve()
  }

  /** Begins to take part. `alone`: there is nobody who would have to be told. */
  join(alone: boolean): void {
    const announced = this.#announce(false)
    if (alone) {
      this.#settle()
      return
    }
    const { clock } = this.#parts
    announced.then(
      () => {
        // What a former life of this node pledged has lapsed by then, and what the others pledged before they knew of us.
        if (!this.#closed) this.#settling = clock.after(PROMISE, () => this.#settle())
      },
      () => {}
    )
  }

  #settle(): void {
    this.handle({ kind: 'settle' })
    this.#ready.resolve()
  }

  #announce(used: boolean): Promise<void> {
    const { id, capacity, refillRate, burst } = this.definition
    return this.#parts.announce(id, { capacity, refillRate, burst, used })
  }

  acquire(tokens: number, { key = '', wait = false, signal, timeout }: AcquireOptions): Promise<Acquired> {
    const { promise, resolve, reject } = Promise.withResolvers<Acquired>()
    if (signal?.aborted) {
      reject(aborted(signal))
      return promise
    }
    const ticket = ++this.#ticket
    const waiting: Waiting = { key, resolve, reject, timer: undefined, signal, abort: undefined }
    this.#waiting.set(ticket, waiting)
    this.handle({ kind: 'acquire', ticket, key, tokens, wait })
    if (!this.#waiting.has(ticket)) return promise
    if (timeout !== undefined && timeout < Number.POSITIVE_INFINITY) {
      const late = (): void => this.#giveUp(ticket, new MeshError('ERR_TIMEOUT', `no tokens within ${timeout} ms`))
      waiting.timer = this.#parts.clock.after(timeout, late)
    }
    if (signal !== undefined) {
      waiting.abort = () => this.#giveUp(ticket, aborted(signal))
      signal.addEventListener('abort', waiting.abort, { once: true })
    }
    return promise
  }

  handle(input: LeaseInput): void {
    if (this.#closed) return
    const effects: LeaseEffect[] = []
    this.#machine.handle(input, this.#parts.clock.monotonic(), effects)
    for (const effect of effects) this.#apply(effect)
    if (this.#machine.wakeAt < this.#timerAt) this.#arm()
  }

  #apply(effect: LeaseEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#parts.send(effect.to, effect.message)
        break
      case 'end':
        this.#take(effect.ticket)?.resolve({ granted: effect.granted, remaining: effect.remaining })
        break
      case 'full':
        this.#take(effect.ticket)?.reject(new MeshError('ERR_QUEUE_FULL', `too many wait for ${this.definition.id}`))
        break
      case 'used':
        this.#announce(true).catch(() => {})
        break
    }
  }

  #arm(): void {
    const { clock } = this.#parts
    this.#timer?.cancel()
    this.#timerAt = this.#machine.wakeAt
    this.#timer = clock.after(Math.max(1, Math.ceil(this.#timerAt - clock.monotonic())), () => {
      this.#timerAt = Number.POSITIVE_INFINITY
      this.handle({ kind: 'tick' })
    })
  }

  #giveUp(ticket: number, error: MeshError): void {
    const waiting = this.#take(ticket)
    if (waiting === undefined) return
    waiting.reject(error)
    this.handle({ kind: 'cancel', ticket, key: waiting.key })
  }

  #take(ticket: number): Waiting | undefined {
    const waiting = this.#waiting.get(ticket)
    if (waiting === undefined) return undefined
    this.#waiting.delete(ticket)
    waiting.timer?.cancel()
    if (waiting.abort !== undefined) waiting.signal?.removeEventListener('abort', waiting.abort)
    return waiting
  }

  /** Whoever waits gets the error. */
  close(error: MeshError): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#settling?.cancel()
    for (const ticket of [...this.#waiting.keys()]) this.#take(ticket)?.reject(error)
    this.#ready.reject(error)
  }
}

function aborted(signal: AbortSignal): MeshError {
  return new MeshError('ERR_ABORTED', 'the caller aborted', { cause: signal.reason })
}
