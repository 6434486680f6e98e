import { MeshError } from '../../../protocols/errors.ts'
import type { Clock, Timer } from '../ports.ts'

export interface WaitUntilApplied {
  signal?: AbortSignal | undefined
  /** ms. Default: for ever. */
  timeout?: number | undefined
}

interface Waiter {
  readonly index: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  readonly signal: AbortSignal | undefined
  timer: Timer | undefined
  abort: (() => void) | undefined
}

/** Those who wait until an index is applied, in its order. */
export class AppliedWaiters {
  readonly #clock: Clock
  #waiting: Waiter[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `ERR_TIMEOUT`, `ERR_ABORTED`. */
  wait(index: number, { signal, timeout }: WaitUntilApplied): Promise<void> {
    if (signal?.aborted) return Promise.reject(aborted(signal))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = { index, resolve, reject, signal, timer: undefined, abort: undefined }
    this.#insert(waiter)
    if (timeout !== undefined && timeout < Number.POSITIVE_INFINITY) {
      const late = () => this.#giveUp(waiter, new MeshError('ERR_TIMEOUT', `${index} is not applied in ${timeout} ms`))
      waiter.timer = this.#clock.after(timeout, late)
    }
    if (signal !== undefined) {
      waiter.abort = () => this.#giveUp(waiter, aborted(signal))
      signal.addEventListener('abort', waiter.abort, { once: true })
    }
    return promise
  }

  reached(index: number): void {
    let count = 0
    while (count < this.#waiting.length && this.#waiting[count]!.index <= index) count++
    if (count === 0) return
    for (const waiter of this.#waiting.splice(0, count)) {
      release(waiter)
      waiter.resolve()
    }
  }

  stop(error: Error): void {
    for (const waiter of this.#waiting.splice(0)) {
      release(waiter)
      waiter.reject(error)
    }
  }

  /** Mostly at the end: reads come in the order of their indices. */
  #insert(waiter: Waiter): void {
    let at = this.#waiting.length
    while (at > 0 && this.#waiting[at - 1]!.index > waiter.index) at--
    this.#waiting.splice(at, 0, waiter)
  }

  #giveUp(waiter: Waiter, error: Error): void {
    const at = this.#waiting.indexOf(waiter)
    if (at < 0) return
    this.#waiting.splice(at, 1)
    release(waiter)
    waiter.reject(error)
  }
}

function release({ timer, signal, abort }: Waiter): void {
  timer?.cancel()
  if (abort !== undefined) signal?.removeEventListener('abort', abort)
}

function aborted(signal: AbortSignal): MeshError {
  return new MeshError('ERR_ABORTED', 'the caller aborted', { cause: signal.reason })
}
