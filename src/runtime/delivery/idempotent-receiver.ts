import type { MeshError } from '../../../protocols/errors.ts'
import type { Flushable, Turn } from '../links/turn.ts'
import type { Change, Store } from '../storage/types.ts'
import type { Deliver, Inbound } from './inbound.ts'
import type { NumberedInbound } from './numbered-inbound.ts'
import { Producer, type ProducerHost } from './producer.ts'

/**
 * Hosts whose deliveries are kept in memory; of the others they are read when one of them sends again. A guess: it is the
 * view's default size, and an ordinary one takes some 500 bytes.
 */
const MOST_PRODUCERS = 1_024

export interface IdempotentReceiverParts {
  /** The node's; asked for when the first message comes, at the earliest. */
  store: () => Store
  turn: Pick<Turn, 'schedule' | 'number'>
  /** Takes what is to be handled. */
  deliver: Deliver
  /** Any integer, which no peer knows. */
  entropy: number
  /** Default 1,024. */
  mostProducers?: number | undefined
}

/**
 * Lets each numbered message through to its agent until it was handled once, and never after: the driver of `Deliveries`.
 * That it was handled is in the store before anybody is told so. What is handled in one turn of the event loop is one
 * write; a commit is one of its own, at once, because what handlers read next must see it.
 *
 * On disk it keeps one record for each host that ever sent a numbered message (about 20 bytes, see `delivery-record.ts`).
 * None is ever dropped: nothing that a receiver knows by itself proves that a host which has been silent will not send
 * again what it sent last.
 */
export class IdempotentReceiver implements ProducerHost, Flushable {
  readonly entropy: number
  readonly deliver: Deliver
  readonly #store: () => Store
  readonly #turn: Pick<Turn, 'schedule' | 'number'>
  readonly #mostProducers: number
  readonly #producers = new Map<string, Producer>()
  #gathering: Producer[] = []
  #flushedIn = -1
  /** Writes on their way. */
  #writes = 0
  #quiet: PromiseWithResolvers<void> | undefined

  constructor({ store, turn, deliver, entropy, mostProducers = MOST_PRODUCERS }: IdempotentReceiverParts) {
    this.#store = store
    this.entropy = entropy
    this.deliver = deliver
    this.#turn = turn
    this.#mostProducers = mostProducers
  }

  get store(): Store {
    return this.#store()
  }

  /** Hosts in memory. */
  get size(): number {
    return this.#producers.size
  }

  /** Takes a message that has a place. */
  receive(inbound: Inbound): void {
    const { peer } = inbound
    let producer = this.#producers.get(peer)
    if (producer === undefined) {
      if (this.#producers.size >= this.#mostProducers) this.#evict()
      producer = new Producer(peer, this)
      this.#producers.set(peer, producer)
    }
    producer.receive(inbound)
  }

  /** Resolves once all that was handled is recorded. */
  quiet(): Promise<void> {
    if (this.#writes === 0 && this.#gathering.length === 0) return Promise.resolve()
    this.#quiet ??= Promise.withResolvers()
    return this.#quiet.promise
  }

  /**
   * Lets go of the first that is idle and was not asked for since the last look: the clock algorithm (Corbató, "A Paging
   * Experiment with the Multics System", 1968). Where all are busy there is one more than should be.
   */
  #evict(): void {
    for (let round = 0; round < 2; round++) {
      for (const [peer, producer] of this.#producers) {
        if (producer.idle && !producer.used) {
          this.#producers.delete(peer)
          return
        }
        producer.used = false
      }
    }
  }

  // ---- ProducerHost ------------------------------------------------------------------------------------------------

  gathered(producer: Producer): void {
    if (this.#gathering.push(producer) === 1) this.#turn.schedule(this, this.#flushedIn)
  }

  lost(producer: Producer): void {
    this.#producers.delete(producer.peer)
  }

  flush(): void {
    this.#flushedIn = this.#turn.number
    const producers = this.#gathering
    this.#gathering = []
    // Whoever sent what could not be recorded was told so.
    this.write(producers, NOTHING).catch(() => {})
  }

  async write(producers: readonly Producer[], changes: readonly Change[]): Promise<void> {
    const taken: [Producer, NumberedInbound[]][] = []
    for (const producer of producers) {
      const deliveries = producer.take()
      // What was gathered may have gone with a commit.
      if (deliveries.length > 0) taken.push([producer, deliveries])
    }
    this.#writes++
    const failure = await this.#stored(taken, changes)
    this.#writes--
    for (const [producer, deliveries] of taken) {
      if (failure === undefined) producer.acknowledge(deliveries)
      else producer.fail(deliveries, failure)
    }
    this.#tellQuiet()
    if (failure !== undefined) throw failure
  }

  /** Gives it to the store before it returns; resolves with why that failed, if it did. */
  async #stored(
    taken: readonly [Producer, NumberedInbound[]][],
    changes: readonly Change[]
  ): Promise<MeshError | undefined> {
    try {
      const records = taken.flatMap(([producer, deliveries]) => producer.changes(deliveries))
      const all = [...changes, ...records]
      if (all.length === 0) return undefined
      const stored = this.store.write(all)
      for (const [producer] of taken) producer.written()
      await stored
      return undefined
    } catch (error) {
      return error as MeshError
    }
  }

  #tellQuiet(): void {
    if (this.#quiet === undefined || this.#writes > 0 || this.#gathering.length > 0) return
    this.#quiet.resolve()
    this.#quiet = undefined
  }
}

const NOTHING: readonly Change[] = []
