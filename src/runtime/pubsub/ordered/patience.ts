import type { Clock } from '../../ports.ts'

/** ms that a subscription waits for a group that it has to read. A guess: an election's time. Longer would tie every subscription to every group. */
const PATIENCE = 2_000

/** Resolves when `ready` does, which never rejects, or, once `late` was called, when it took too long. */
export function patiently(ready: Promise<void>, clock: Clock, late: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = clock.after(PATIENCE, () => {
    late()
    resolve()
  })
  void ready.then(() => {
    timer.cancel()
    resolve()
  })
  return promise
}
