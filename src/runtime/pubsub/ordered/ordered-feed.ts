import { MeshError } from '../../../../protocols/errors.ts'
import { Progress } from '../../../core/ordering/progress.ts'
import type { Missing } from '../../../core/ordering/sequence-cursor.ts'
import { matches } from '../../../core/pubsub/pattern.ts'
import { type Sequenced, SequenceReader } from '../../ordering/sequence-reader.ts'
import { keyOf, topicOf } from '../../ordering/sequences.ts'
import type { Clock, Timer } from '../../ports.ts'
import type { LogPlace } from '../types.ts'
import type { OrderedCursors } from './cursors.ts'
import type { OrderedSubscription, Settling } from './ordered-subscription.ts'
import { patiently } from './patience.ts'
import type { OrderedEvent, PublicationOrdering } from './types.ts'

export interface OrderedFeedParts {
  readonly clock: Clock
  readonly ordering: PublicationOrdering
  readonly subscription: OrderedSubscription
  /** Where it begins: at what a group still keeps, or at what is published from now on. */
  readonly from: 'start' | 'now'
  /** Undefined for a subscription that is not durable. */
  readonly cursors: OrderedCursors | undefined
  /** ms between two writes of how far it is. */
  readonly linger: number
  emit(event: OrderedEvent): void
}

/** What groups have put in order, for one subscription that takes it at its own pace; and how far that is. */
export class OrderedFeed implements Settling {
  readonly #c: OrderedFeedParts
  readonly #readers = new Map<string, SequenceReader | undefined>()
  readonly #progress = new Map<string, Progress>()
  readonly #dirty = new Set<string>()
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(parts: OrderedFeedParts) {
    this.#c = parts
    parts.subscription.onRoom = () => {
      for (const reader of this.#readers.values()) reader?.pump()
    }
  }

  /**
   * Reads one more group. Resolves once nothing that it orders later is missed, also by a next life, or it said that it may be; where
   * that is not `awaited`, what it orders meanwhile is not missed either. `ERR_STORAGE`.
   */
  async read(group: string, awaited = true): Promise<void> {
    const { clock, ordering, subscription, cursors, from } = this.#c
    const client = ordering.groups.find(group)
    if (client === undefined || this.#readers.has(group)) return
    this.#readers.set(group, undefined)
    const known = await cursors?.load(group)
    if (this.#closed) return
    const reader = new SequenceReader({
      ...{ clock, client, awaited, from: known === undefined ? (from === 'start' ? 1 : undefined) : known + 1 },
      open: () => !subscription.full,
      begins: (next) => {
        this.#progress.set(group, new Progress(next))
        this.#moved(group)
      },
      hand: (sequenced) => this.#hand(group, sequenced),
      missing: (missing, index) => this.#missing(group, missing, index),
      passed: (next) => {
        this.#progress.get(group)!.passed(next)
        this.#moved(group)
      }
    })
    this.#readers.set(group, reader)
    const { owner, pattern } = subscription
    await patiently(reader.ready, clock, () => this.#c.emit({ kind: 'sequence-unread', group, owner, pattern }))
    if (cursors !== undefined) await this.#write()
  }

  #hand(group: string, { number, index, publication }: Sequenced): void {
    const { subscription, ordering } = this.#c
    const { topic, bytes, publisher } = publication
    if (!matches(subscription.pattern, topic)) return
    const place = placeOf(group, index)
    this.#progress.get(group)!.handed(index)
    const wanted = subscription.offerOrdered(publisher, topic, ordering.number(bytes, number), place, this)
    if (!wanted) this.settled(place)
  }

  #missing(group: string, missing: Missing, index: number): void {
    const { subscription, emit } = this.#c
    const { owner, pattern } = subscription
    const topic = topicOf(missing.sequence)
    if (topic !== undefined && !matches(pattern, topic)) return
    emit(gapEvent(group, missing, owner, pattern))
    if (!subscription.tellsGaps) return
    // It is done with once it was told.
    this.#progress.get(group)!.handed(index)
    subscription.gapOrdered(() => gapError(group, missing), placeOf(group, index), this)
  }

  /** The subscription is done with a message. */
  settled({ publisher: group, sequence: index }: LogPlace): void {
    this.#progress.get(group)?.settled(index)
    this.#moved(group)
  }

  #moved(group: string): void {
    const { cursors, clock, linger } = this.#c
    if (cursors === undefined || this.#closed) return
    this.#dirty.add(group)
    // Should it not get there now: what is acknowledged next tries again, and so does the end.
    this.#timer ??= clock.after(linger, () => void this.#write().catch(() => {}))
  }

  #write(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#writing = this.#writing
      .catch(() => {})
      .then(async () => {
        const groups = [...this.#dirty]
        this.#dirty.clear()
        try {
          await this.#c.cursors!.write(groups.map((group) => [group, this.#progress.get(group)!.position] as const))
        } catch (error) {
          for (const group of groups) this.#dirty.add(group)
          throw error
        }
      })
    return this.#writing
  }

  /** Resolves once how far it is is on disk. `ERR_STORAGE`. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#c.subscription.onRoom = undefined
    for (const reader of this.#readers.values()) reader?.stop()
    if (this.#c.cursors !== undefined) await this.#write()
  }

  /** `ERR_STORAGE`. */
  async forget(): Promise<void> {
    await this.#c.cursors?.forget()
  }
}

function placeOf(group: string, index: number): LogPlace {
  return { publisher: group, epoch: 0, sequence: index, time: 0 }
}

export function gapEvent(group: string, { sequence, from, to }: Missing, owner: string, pattern: string): OrderedEvent {
  const topic = topicOf(sequence)
  const key = topic === undefined ? keyOf(sequence) : undefined
  return { kind: 'sequence-gap', group, topic, key, from, to, owner, pattern }
}

function gapError(group: string, { sequence, from, to }: Missing): MeshError {
  const topic = topicOf(sequence)
  const what = topic === undefined ? { key: keyOf(sequence) } : { topic }
  const numbers = from === undefined ? `up to ${to}` : `${from} to ${to}`
  return new MeshError('ERR_GAP', `the group ${group} does not keep its numbers ${numbers} any more`, {
    details: { group, ...what, from, to }
  })
}
