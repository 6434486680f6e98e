import { MeshError } from '../../protocols/errors.ts'
import type { Clock } from '../runtime/ports.ts'
import type { ItemOwner, PipelineDriver } from './pipeline-driver.ts'
import { itemOf } from './pipeline-submission.ts'
import type { WaitOptions } from './pipeline-wait.ts'

/** What `process` and `pipe` read from. */
export type PipelineSource<T = unknown> = AsyncIterable<T> | Iterable<T>

/** Throws `ERR_CONFIG`. */
export function checkSource(source: unknown): void {
  const given: object = Object(source)
  if (Symbol.asyncIterator in given || Symbol.iterator in given) return
  throw new MeshError('ERR_CONFIG', 'a pipeline reads what is iterable, asynchronously or not', {
    details: { key: 'source' }
  })
}

/**
 * The results for the items of one source, in its order. Items are pulled while there is room, ahead of whoever reads
 * the results; the first is pulled when the first result is asked for. What ends the source with an error is thrown
 * after the results of what came before it; the caller's own bounds end it at once.
 */
export async function* processSource<R>(
  driver: PipelineDriver,
  source: PipelineSource,
  { signal, timeout }: WaitOptions,
  clock: Clock
): AsyncGenerator<R, void, undefined> {
  const aborted = () => new MeshError('ERR_ABORTED', 'the caller aborted', { cause: signal?.reason })
  if (signal?.aborted) throw aborted()
  const run = new Run(driver, source)
  const abort = () => run.fail(aborted())
  signal?.addEventListener('abort', abort, { once: true })
  const late = () => run.fail(new MeshError('ERR_TIMEOUT', `the source was not processed within ${timeout} ms`))
  const timer = timeout === undefined ? undefined : clock.after(timeout, late)
  try {
    for (;;) {
      const step = await run.next()
      if (step.done) return
      yield step.value as R
    }
  } finally {
    timer?.cancel()
    signal?.removeEventListener('abort', abort)
    await run.end()
  }
}

/** What stands between a source and its reader. Holds at most what the pipeline holds. */
class Run implements ItemOwner {
  readonly #driver: PipelineDriver
  readonly #source: AsyncIterator<unknown> | Iterator<unknown>
  readonly #over = new AbortController()
  readonly #inFlight = new Set<number>()
  readonly #results: unknown[] = []
  #stopped: MeshError | undefined
  /** Why its reader gave up: told before results that are there. */
  #givenUp: MeshError | undefined
  /** It has no more items and needs no `return`. */
  #sourceEnded = false
  /** Nothing more will enter: the source ended, or `failure` came first. */
  #allEntered = false
  #failure: { cause: unknown } | undefined
  /** The source owes an item: it would answer a `return` only after that. */
  #pulling = false
  #wake: () => void = () => {}

  constructor(driver: PipelineDriver, source: PipelineSource) {
    this.#driver = driver
    const given = Object(source) as PipelineSource
    this.#source = Symbol.asyncIterator in given ? given[Symbol.asyncIterator]() : given[Symbol.iterator]()
    void this.#pump()
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    for (;;) {
      if (this.#givenUp !== undefined) throw this.#givenUp
      if (this.#results.length > 0) {
        const value = this.#results.shift()
        this.#driver.release()
        return { done: false, value }
      }
      if (this.#stopped !== undefined) throw this.#stopped
      if (this.#allEntered && this.#inFlight.size === 0) {
        if (this.#failure !== undefined) throw this.#failure.cause
        return { done: true, value: undefined }
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Ends it at once, whatever is in flight. */
  fail(error: MeshError): void {
    this.#givenUp ??= error
    this.#over.abort()
    this.#wake()
  }

  /** Gives up what is in flight and closes the source, unless that has ended by itself. */
  async end(): Promise<void> {
    this.#over.abort()
    // The newest first, or each slot that becomes free would start the next one that is to go.
    for (const sequence of [...this.#inFlight].reverse()) this.#driver.withdraw(sequence)
    this.#inFlight.clear()
    for (const _ of this.#results.splice(0)) this.#driver.release()
    if (this.#sourceEnded) return
    this.#sourceEnded = true
    const closed = this.#source.return?.()
    if (this.#pulling) Promise.resolve(closed).catch(() => {})
    else await closed
  }

  finished(sequence: number, value: unknown): void {
    this.#inFlight.delete(sequence)
    this.#results.push(value)
    this.#wake()
  }

  lost(sequence: number): void {
    this.#inFlight.delete(sequence)
    this.#wake()
  }

  stopped(sequence: number, _loss: unknown, error: MeshError): void {
    this.#inFlight.delete(sequence)
    this.#stopped ??= error
    this.#over.abort()
    this.#wake()
  }

  async #pump(): Promise<void> {
    const { signal } = this.#over
    const { door } = this.#driver
    try {
      for (;;) {
        if (!door.free) await door.pass(() => {}, signal)
        if (signal.aborted) return
        this.#pulling = true
        const step = await this.#source.next()
        this.#pulling = false
        if (signal.aborted) return
        if (step.done) {
          this.#sourceEnded = true
          break
        }
        const item = itemOf(step.value)
        const enter = () => {
          this.#inFlight.add(this.#driver.enter(item, this))
        }
        if (door.free) enter()
        else await door.pass(enter, signal)
      }
    } catch (cause) {
      if (signal.aborted) return
      // A source that threw has ended; a door that closed has not ended the source.
      if (this.#pulling) this.#sourceEnded = true
      this.#pulling = false
      this.#failure = { cause }
    }
    this.#allEntered = true
    this.#wake()
  }
}
