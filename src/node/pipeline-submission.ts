import { cloneData } from '../../protocols/envelope/clone.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Loss } from '../core/pipeline/types.ts'
import type { ItemOwner, PipelineDriver } from './pipeline-driver.ts'

export type Outcome =
  | { status: 'done'; sequence: number; result: unknown }
  | { status: 'lost'; sequence: number; reason: 'skipped' | 'dead-lettered' | 'stopped'; loss: Loss }

/** An item as it is now, whatever its owner makes of it while it waits. What has no copy is its first stage's to refuse. */
export function itemOf(value: unknown): unknown {
  try {
    return cloneData(value)
  } catch {
    return value
  }
}

/**
 * One item through the pipeline; resolves when it has left. Aborting the signal withdraws it.
 * Throws, with the item outside: `ERR_BACKPRESSURE` (full, overflow 'reject'), `ERR_QUEUE_FULL` (full, and as many wait
 * as it holds), `ERR_STOPPED`.
 */
export async function submit(
  driver: PipelineDriver,
  item: unknown,
  overflow: 'buffer' | 'reject',
  signal: AbortSignal
): Promise<Outcome> {
  const { id, door, highWatermark } = driver
  if (!door.free && door.closed === undefined) {
    const details = { pipeline: id, highWatermark }
    if (overflow === 'reject') {
      throw new MeshError('ERR_BACKPRESSURE', `pipeline '${id}' holds ${highWatermark} items`, { details })
    }
    if (door.waiting >= highWatermark) {
      throw new MeshError('ERR_QUEUE_FULL', `pipeline '${id}' is full and ${door.waiting} items wait`, { details })
    }
  }
  const own = itemOf(item)
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
  const owner: ItemOwner = {
    finished(sequence, result) {
      driver.release()
      resolve({ status: 'done', sequence, result })
    },
    lost: (sequence, reason, loss) => resolve({ status: 'lost', sequence, reason, loss }),
    stopped(sequence, loss, error) {
      if (loss === undefined) reject(error)
      else resolve({ status: 'lost', sequence, reason: 'stopped', loss })
    }
  }
  const sequence = await door.pass(() => driver.enter(own, owner), signal)
  const withdraw = () => {
    driver.withdraw(sequence)
    reject(signal.reason)
  }
  if (signal.aborted) withdraw()
  signal.addEventListener('abort', withdraw, { once: true })
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', withdraw)
  }
}
