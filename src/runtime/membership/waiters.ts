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

  async until(holds: () => boolean, { signal }: WaitOptions = {}): Promise<void> {
    if (signal?.aborted) throw reasonOf(signal)
    if (holds()) return
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

  reject(error: MeshError): void {
    for (const waiter of this.#waiting) waiter.reject(error)
  }
}

function reasonOf(signal: AbortSignal): MeshError {
  const reason: unknown = signal.reason
  return reason instanceof MeshError ? reason : new MeshError('ERR_ABORTED', 'the wait was aborted', { cause: reason })
}
