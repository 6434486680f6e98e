import type { Priority } from '../../protocols/envelope/message.ts'
import type { MailboxOverflow } from '../agent/types.ts'
import type { CircuitEvent } from '../core/routing/circuit.ts'
import type { CausalEvent } from '../runtime/causality/driver.ts'
import type { LinkEvent } from '../runtime/links/table.ts'
import type { SequencerEvent } from '../runtime/ordering/sequencer.ts'
import type { PubSubEvent } from '../runtime/pubsub/types.ts'
import type { StorageEvent } from '../runtime/storage/types.ts'
import type { GroupEvent } from './consensus/events.ts'
import type { PipelineEvent } from './pipeline-port.ts'

/** What `node.events()` tells. `at` is wall-clock ms. */
export type NodeEvent = { at: number } & NodeEventBody

export type NodeEventBody =
  | { kind: 'peer-joined'; peer: string; name: string }
  | { kind: 'peer-left'; peer: string; name: string; reason: string }
  | { kind: 'peer-suspect'; peer: string; name: string }
  /** No bootstrap address could be reached; the node keeps trying. */
  | { kind: 'bootstrap-failed'; code: string; message: string }
  | AgentChange
  /** An agent's queue here passed its high watermark: its senders were asked to wait. */
  | { kind: 'slow-consumer'; agent: string; queued: number }
  /** Messages that nobody acknowledges and that were lost here: what, whose and why. */
  | { kind: 'dropped'; agent: string; peer: string; code: string; message: string; count: number }
  /**
   * A mailbox was full: `count` messages were dealt with as its strategy says, or refused where it had no way out. At most
   * one a second for each agent, strategy and peer, the first at once.
   */
  | {
      kind: 'overflow'
      agent: string
      strategy: MailboxOverflow
      count: number
      reason: string
      peer: string
      owner?: undefined
    }
  /** Messages and requests that were not taken because this node, or the handler asked, was overloaded. Summed up as `overflow`. */
  | { kind: 'shed'; agent: string; priority: Priority; count: number; peer: string }
  /** Messages that were spilled to disk in a former life of this node are handled now. */
  | { kind: 'reclaimed'; agent: string; messages: number }
  /** A message that was accepted was given up. `kept`: it lies in `node.deadLetters`, as `id`. */
  | { kind: 'dead-letter'; id: string; agent: string; code: string; message: string; attempts: number; kept: boolean }
  /** A dead letter had to make room for a newer one. */
  | { kind: 'dead-letter-dropped'; id: string; agent: string; reason: 'full' }
  /** Ids of senders' own were forgotten before their time: there were more than `limits.sentIds`. */
  | { kind: 'ids-forgotten'; count: number }
  /** A stored message cannot be read, and is left where it is. */
  | { kind: 'record-unreadable'; record: string; code: string; message: string }
  | LinkEvent
  /** Something went on without what it follows, of which nobody could say in time what became of it. */
  | CausalEvent
  | SequencerEvent
  | CircuitEvent
  | PubSubEvent
  | PipelineEvent
  | StorageEvent
  | GroupEvent

export type AgentChange =
  | { kind: 'agent-up' | 'agent-down'; name: string; instance: string; peer: string }
  /** Follows the `agent-up` of a name that nobody had since it went down on the host `from`. */
  | { kind: 'agent-moved'; name: string; instance: string; peer: string; from: string }

/** Events kept for one reader that lags; the oldest go first. A guess. */
const KEPT = 1024

/** A source of events that any number of readers follow, each from the moment it began. */
export class EventHub<T> {
  readonly #readers = new Set<{ push(event: T): void; close(): void }>()
  #closed = false

  emit(event: T): void {
    for (const reader of this.#readers) reader.push(event)
  }

  /** Reads the events wanted until the hub closes, the loop is left, or the signal aborts. */
  read<S extends T = T>(signal?: AbortSignal, wanted?: (event: T) => event is S): AsyncIterableIterator<S> {
    const abort = (): void => reader.close()
    const reader = new EventReader<S>(() => {
      this.#readers.delete(filtered)
      signal?.removeEventListener('abort', abort)
    })
    const filtered = {
      push: (event: T) => {
        if (wanted === undefined || wanted(event)) reader.push(event as S)
      },
      close: () => reader.close()
    }
    if (this.#closed || signal?.aborted) reader.close()
    else {
      this.#readers.add(filtered)
      signal?.addEventListener('abort', abort, { once: true })
    }
    return reader
  }

  close(): void {
    this.#closed = true
    for (const reader of this.#readers) reader.close()
  }
}

class EventReader<T> implements AsyncIterableIterator<T> {
  readonly #left: () => void
  readonly #events: T[] = []
  /** Whoever asked for the next event while there was none, in their order. */
  readonly #waiting: ((result: IteratorResult<T>) => void)[] = []
  #closed = false

  constructor(left: () => void) {
    this.#left = left
  }

  push(event: T): void {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) {
      waiting({ done: false, value: event })
      return
    }
    if (this.#events.length >= KEPT) this.#events.shift()
    this.#events.push(event)
  }

  next(): Promise<IteratorResult<T>> {
    const event = this.#events.shift()
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    if (this.#closed) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  return(): Promise<IteratorResult<T>> {
    this.close()
    this.#events.length = 0
    return Promise.resolve({ done: true, value: undefined })
  }

  close(): void {
    this.#closed = true
    this.#left()
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
