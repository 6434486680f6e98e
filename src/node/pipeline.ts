import type { Payload } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { PipelineStats } from '../../protocols/pipeline/messages.ts'
import { checkWait } from '../agent/options.ts'
import type { Clock } from '../runtime/ports.ts'
import { lossError, type PipelineDriver } from './pipeline-driver.ts'
import { parseReconfiguration, type StageOptions } from './pipeline-options.ts'
import type { DeadLetter } from './pipeline-port.ts'
import { checkSource, type PipelineSource, processSource } from './pipeline-process.ts'
import { submit } from './pipeline-submission.ts'
import { bounded, type WaitOptions } from './pipeline-wait.ts'

/** ms that `send` waits for its result when it is not told. A guess: six attempts of a stage. */
export const SEND_TIMEOUT = 30_000
/** ms that `close` lets what is in flight finish when it is not told. As api.md's `node.stop`. */
const CLOSE_TIMEOUT = 5_000

export interface CloseOptions {
  /** Lets what is in flight finish first. Default true. */
  drain?: boolean | undefined
  /** ms; what is in flight then is cancelled. Default 5,000. */
  timeout?: number | undefined
}

/**
 * A pipeline that this node coordinates. It is itself a transform of `it-pipe`.
 *
 * @example
 * for await (const result of pipeline.process(source)) {}
 * await pipe(source, pipeline, sink)
 */
export interface Pipeline extends AsyncDisposable {
  (source: PipelineSource): AsyncGenerator<Payload, void, undefined>
  readonly id: string
  /**
   * The last stage's results, in the order of the source. Pulls no item while the pipeline is full; returning early
   * cancels what is in flight and closes the source. Throws `ERR_PIPELINE` when a stage failed for good under 'stop' or
   * 'retry' (`details`: stage, sequence, attempts, unfinished; `cause`: the stage's error), `ERR_STOPPED` when closed,
   * `ERR_ABORTED` and `ERR_TIMEOUT` (no bound by default) as the caller says, `ERR_CONFIG` at once for no iterable.
   */
  process(source: PipelineSource, options?: WaitOptions): AsyncGenerator<Payload, void, undefined>
  /**
   * One item; resolves with its result. Giving up (`ERR_ABORTED`, `ERR_TIMEOUT` after 30 s when not told) withdraws it.
   * Throws `ERR_PIPELINE` when it was lost, whatever the policy; `ERR_BACKPRESSURE`, `ERR_QUEUE_FULL`, `ERR_STOPPED` when it
   * was not taken.
   */
  send(item: unknown, options?: WaitOptions): Promise<Payload>
  /** Items that enter from now on take these stages. Resolves when nothing is on the old ones. Throws `ERR_CONFIG`. */
  reconfigure(change: { stages: readonly StageOptions[] }, options?: WaitOptions): Promise<void>
  stats(): PipelineStats
  /** The last 1,000, oldest first. */
  deadLetters(): DeadLetter[]
  /** Takes no more items. Safe to call twice. */
  close(options?: CloseOptions): Promise<void>
}

export interface PipelineParts {
  driver: PipelineDriver
  overflow: 'buffer' | 'reject'
  clock: Clock
  letters: readonly DeadLetter[]
  /** Called once, when the pipeline has ended. */
  closed: () => Promise<void>
}

export function createPipeline({ driver, overflow, clock, letters, closed }: PipelineParts): Pipeline {
  const { id } = driver
  let closing: Promise<void> | undefined

  async function send(item: unknown, options: WaitOptions = {}): Promise<Payload> {
    const limits = { timeout: SEND_TIMEOUT, ...options }
    const outcome = await bounded(clock, `send to pipeline '${id}'`, limits, (signal) =>
      submit(driver, item, overflow, signal)
    )
    if (outcome.status === 'done') return outcome.result
    throw lossError(id, outcome.reason, outcome.loss, [outcome.sequence])
  }

  async function reconfigure(change: { stages: readonly StageOptions[] }, options: WaitOptions = {}): Promise<void> {
    const { stages } = parseReconfiguration(change)
    if (driver.door.closed !== undefined) throw driver.door.closed
    await bounded(clock, `reconfiguration of pipeline '${id}'`, options, () => driver.reconfigure(stages))
  }

  async function end({ drain = true, timeout = CLOSE_TIMEOUT }: CloseOptions): Promise<void> {
    const error = new MeshError('ERR_STOPPED', `pipeline '${id}' is closed`, { details: { pipeline: id } })
    driver.door.close(error)
    // What does not finish in time is cancelled; that is no failure of `close`.
    if (drain) await bounded(clock, 'close', { timeout }, () => driver.idle()).catch(() => {})
    driver.abort(error)
    await closed()
  }

  const process = (source: PipelineSource, options: WaitOptions = {}) => {
    checkWait(options)
    checkSource(source)
    return processSource<Payload>(driver, source, options, clock)
  }
  const close = (options: CloseOptions = {}) => (closing ??= end(options))
  const transform = (source: PipelineSource) => process(source)
  return Object.assign(transform, {
    id,
    process,
    send,
    reconfigure,
    stats: () => driver.stats(),
    deadLetters: () => [...letters],
    close,
    [Symbol.asyncDispose]: () => close()
  })
}
