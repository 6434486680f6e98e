import { MeshError } from '../../../protocols/errors.ts'
import type { WaitOptions } from '../ports.ts'

interface Waiter {
  holds: () => boolean
  resolve: () => void
  reject: (error: unknown) => void
}

/** Callers that wait for a condition, which is looked at again whenever something moved. */
export class Waiters {
  readonly #waiting = new Set<Waiter>()
  /** Why nothing will move any more; whoever came to wait then would wait for ever. */
  #closed: MeshError | undefined

  async until(holds: () => boolean, { signal }: WaitOptions = {}): Promise<void> {
    if (signal?.aborted) throw reasonOf(signal)
    if (holds()) return
    if (this.#closed !== undefined) throw this.#closed
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = { holds, resolve, reject }
    const abort = () => reject(reasonOf(signal!))
    this.#waiting.add(waiter)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await promise
    } finally {
      this.#waiting.delete(waiter)
      signal?.removeEventListener('abort', abort)
    }
  }

  look(): void {
    for (const waiter of this.#waiting) if (waiter.holds()) waiter.resolve()
  }

  open(): void {
    this.#closed = undefined
  }

  /** Rejects who waits, and who comes until it is opened again. */
  close(error: MeshError): void {
    this.#closed = error
    for (const waiter of this.#waiting) waiter.reject(error)
  }
}

function reasonOf(signal: AbortSignal): MeshError {
  const reason: unknown = signal.reason
  return reason instanceof MeshError ? reason : new MeshError('ERR_ABORTED', 'the wait was aborted', { cause: reason })
}
