import { MeshError } from '../../protocols/errors.ts'
import type { Clock } from '../runtime/ports.ts'

export interface Bounds {
  timeout?: number | undefined
  signal?: AbortSignal | undefined
}

/**
 * The promise, or `ERR_TIMEOUT` after `timeout` ms, or `ERR_ABORTED` when the signal aborts, whichever comes first. It
 * bounds the caller's wait: what the promise stands for goes on.
 */
export function bounded<T>(
  promise: Promise<T>,
  clock: Clock,
  bounds: Bounds | undefined,
  late?: () => MeshError | undefined
): Promise<T> {
  const timeout = bounds?.timeout
  const signal = bounds?.signal
  if (timeout === undefined && signal === undefined) return promise
  const { promise: result, resolve, reject } = Promise.withResolvers<T>()
  const timer =
    timeout === undefined
      ? undefined
      : clock.after(timeout, () => reject(late?.() ?? new MeshError('ERR_TIMEOUT', `not done within ${timeout} ms`)))
  const abort = (): void => reject(aborted(signal!))
  if (signal?.aborted) abort()
  else signal?.addEventListener('abort', abort, { once: true })
  promise.then(resolve, reject)
  const done = (): void => {
    timer?.cancel()
    signal?.removeEventListener('abort', abort)
  }
  result.then(done, done)
  return result
}

export function aborted(signal: AbortSignal): MeshError {
  return new MeshError('ERR_ABORTED', 'the caller aborted', { cause: signal.reason })
}
