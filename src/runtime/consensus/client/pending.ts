import { MeshError } from '../../../../protocols/errors.ts'
import type { Due } from '../../../core/delivery/deadlines.ts'
import type { Alarm } from '../../delivery/alarm.ts'
import type { Clock } from '../../ports.ts'
import type { Wait } from './types.ts'

/** Something whose time may be over. */
export interface Expiring extends Due {
  expire(): void
}

/** A caller's wait: ends with what it waits for, by its time or by its signal. */
export class Pending<T> implements Expiring {
  /** Monotonic ms. */
  at: number
  slot = -1
  settled = false
  readonly promise: Promise<T>
  /** Called when the caller gives up. */
  onDropped: ((reason: unknown) => void) | undefined
  readonly #alarm: Alarm<Expiring>
  readonly #late: () => MeshError
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (value: T) => void
  readonly #reject: (error: unknown) => void

  constructor(alarm: Alarm<Expiring>, clock: Clock, { signal, timeout }: Wait, late: () => MeshError) {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.promise = promise
    this.#resolve = resolve
    this.#reject = reject
    this.#alarm = alarm
    this.#late = late
    this.#signal = signal
    this.at = timeout === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() + timeout
    if (this.at < Number.POSITIVE_INFINITY) alarm.add(this)
    if (signal?.aborted) this.reject(aborted(signal))
    else signal?.addEventListener('abort', this.#aborted, { once: true })
  }

  /** Settles as the promise does, unless the caller has given up. */
  follow(promise: T | Promise<T>): void {
    Promise.resolve(promise).then(
      (value) => this.resolve(value),
      (error) => this.reject(error)
    )
  }

  resolve(value: T): void {
    if (this.#settle()) this.#resolve(value)
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error)
  }

  /** Its time is over. */
  expire(): void {
    this.#drop(this.#late())
  }

  readonly #aborted = (): void => {
    this.#drop(aborted(this.#signal!))
  }

  #drop(reason: MeshError): void {
    if (this.settled) return
    const { onDropped } = this
    this.reject(reason)
    onDropped?.(reason)
  }

  #settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.onDropped = undefined
    this.#alarm.remove(this)
    this.#signal?.removeEventListener('abort', this.#aborted)
    return true
  }
}

export function aborted(signal: AbortSignal): MeshError {
  return new MeshError('ERR_ABORTED', 'the caller aborted', { cause: signal.reason })
}
