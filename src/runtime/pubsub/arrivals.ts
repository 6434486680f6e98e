import { decodeStamp } from '../../../protocols/causality/block-decoder.ts'
import { isTwofold, Way, wayOf } from '../../../protocols/causality/constants.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { readBatch } from '../../../protocols/publish-subscribe/codec.ts'
import type { CausalDriver } from '../causality/driver.ts'
import type { Ordered } from '../causality/ordered.ts'
import type { PubSubStats } from './types.ts'

/** Whom publications of one kind are for. */
export interface Audience {
  matching(topic: string): readonly unknown[]
  deliver(publisher: string, topic: string, bytes: Uint8Array, view: boolean): number
}

/** A publication that has a place in the causal order. */
class OrderedPublication implements Ordered {
  readonly published = true
  readonly #audience: Audience
  readonly #stats: PubSubStats
  readonly #publisher: string
  readonly #topic: string
  #bytes: Uint8Array
  #view = true
  readonly #relieved: () => void

  constructor(
    audience: Audience,
    stats: PubSubStats,
    publisher: string,
    topic: string,
    bytes: Uint8Array,
    relieved: () => void
  ) {
    this.#relieved = relieved
    this.#audience = audience
    this.#stats = stats
    this.#publisher = publisher
    this.#topic = topic
    this.#bytes = bytes
  }

  hand(): void {
    this.#stats.delivered += this.#audience.deliver(this.#publisher, this.#topic, this.#bytes, this.#view)
    if (!this.#view) this.#relieved()
  }

  /** Its subscriptions may have come after it was published: then they were not asked to wait for it. */
  late(): void {
    this.hand()
  }

  wait(): void {
    this.#bytes = this.#bytes.slice()
    this.#view = false
  }
}

/** What comes in batches: each message goes to its subscriptions at once, or when all that it follows went to theirs. */
export class PublicationArrivals {
  readonly #order: CausalDriver | undefined
  readonly #stats: PubSubStats
  /** Something that had waited was handed out. */
  onRelieved: () => void = () => {}

  constructor(order: CausalDriver | undefined, stats: PubSubStats) {
    this.#order = order
    this.#stats = stats
  }

  readonly #relieved = (): void => this.onRelieved()

  /** Whether something that the publisher sent for at-least-once subscriptions waits for its turn. */
  holds(publisher: string): boolean {
    return this.#order?.holdsAssured(publisher) === true
  }

  /** Returns how many subscriptions the messages are for. `ERR_MALFORMED`, possibly after some were handed out. */
  batch(way: Way, publisher: string, batch: Uint8Array, audience: Audience): number {
    let reached = 0
    readBatch(batch, (topic, bytes, stamp) => {
      if (stamp.length === 0 || this.#order === undefined) {
        const delivered = audience.deliver(publisher, topic, bytes, true)
        this.#stats.delivered += delivered
        reached += delivered
        return
      }
      const { length } = audience.matching(topic)
      reached += length
      // Of what nobody here wants on a channel, nothing that anybody sends here can follow.
      if (length === 0 && way === Way.wide) return
      const publication = new OrderedPublication(audience, this.#stats, publisher, topic, bytes, this.#relieved)
      const decoded = decodeStamp(stamp)
      const { kind } = decoded
      if (wayOf(kind) !== way && !(way === Way.assured && isTwofold(kind))) {
        throw new MeshError('ERR_MALFORMED', `a publication of kind ${kind} by way ${way}`)
      }
      const source = { kind, way, topic, producer: publisher }
      this.#order.arrivePublication(decoded.stamp, source, publication, bytes.length)
    })
    return reached
  }
}
