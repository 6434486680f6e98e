import { MeshError } from '../../protocols/errors.ts'
import { checkWait } from '../agent/options.ts'
import type { Clock } from '../runtime/ports.ts'

/** Bounds the caller's wait. */
export interface WaitOptions {
  signal?: AbortSignal | undefined
  /** ms. */
  timeout?: number | undefined
}

/**
 * Runs `wait` under a signal that is aborted with `ERR_ABORTED` when the caller's is, or with `ERR_TIMEOUT` after
 * `timeout` ms, and rejects with that at once.
 */
export async function bounded<T>(
  clock: Clock,
  what: string,
  { signal, timeout }: WaitOptions,
  wait: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  checkWait({ signal, timeout })
  const controller = new AbortController()
  const given = Promise.withResolvers<never>()
  given.promise.catch(() => {})
  const giveUp = (error: MeshError) => {
    controller.abort(error)
    given.reject(error)
  }
  const aborted = () => new MeshError('ERR_ABORTED', `${what} was aborted`, { cause: signal?.reason })
  const abort = () => giveUp(aborted())
  const expire = () =>
    giveUp(new MeshError('ERR_TIMEOUT', `${what} took longer than ${timeout} ms`, { details: { timeout } }))
  if (signal?.aborted === true) throw aborted()
  signal?.addEventListener('abort', abort, { once: true })
  const timer = timeout === undefined ? undefined : clock.after(timeout, expire)
  try {
    return await Promise.race([wait(controller.signal), given.promise])
  } finally {
    timer?.cancel()
    signal?.removeEventListener('abort', abort)
  }
}
