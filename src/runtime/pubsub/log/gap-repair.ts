import type { Fetch } from '../../../../protocols/publish-subscribe/messages.ts'
import { type Brought, LogReader, type Room } from '../../../core/pubsub/log-reader.ts'
import type { Clock } from '../../ports.ts'
import type { AssuredSubscription } from '../assured-subscription.ts'
import type { LogPlace } from '../types.ts'
import { FollowedLog } from './followed-log.ts'

/** Numbers of a publisher's log that did not come by its stream. */
export interface LogGap {
  publisher: string
  /** Of the log. */
  epoch: number
  /** Everything up to here has come. */
  after: number
  /** Undefined: as much as others have of a publisher that is gone. */
  to: number | undefined
  /** Wall-clock ms when the stream was last known to have nothing missing: who subscribed later is given nothing older. */
  known: number
}

export interface GapRepairComponents {
  clock: Clock
  gap: LogGap
  subscription: AssuredSubscription
  /** Gives the reader its name, under which entries come for it. */
  register(make: (id: number) => FollowedLog): FollowedLog
  ask(peer: string, fetch: Fetch): void
  /** The others that live. */
  others(): string[]
  /** So many numbers are in no log. */
  lost(messages: number): void
  /** Everything was handed over, or is known to be lost. */
  done(repair: GapRepair): void
}

/** Polls, with the publisher alive, in which nothing came and nothing was read, after which the rest is told to be missing: a minute, as for streams. */
const SILENT = 12

/** Reads for one subscription what is missing of one publisher's stream: from its log, or from others while it is gone. */
export class GapRepair {
  readonly pattern: string
  readonly log: FollowedLog
  readonly #c: GapRepairComponents
  /** Everything up to here was handed over, or told to be lost. */
  at: number
  #silent = 0
  #over = false

  constructor(components: GapRepairComponents) {
    const { clock, gap, subscription, register, ask, others } = components
    this.#c = components
    this.pattern = subscription.pattern
    this.at = gap.after
    const begin = { beginning: 'position' as const, value: gap.after }
    const at = { epoch: gap.epoch, sequence: gap.after }
    this.log = register((id) => {
      const reader = new LogReader(id, gap.publisher, this.pattern, begin, at)
      return new FollowedLog(reader, {
        ...{ clock, ask, others, replica: undefined },
        room: () => this.#room(),
        brought: (_log, brought) => this.#brought(brought),
        nobody: () => this.#nobody()
      })
    })
  }

  #nobody(): void {
    if (this.#c.gap.to === undefined) this.#end()
  }

  /** It keeps nothing for others. */
  get logs(): Iterable<FollowedLog> {
    return []
  }

  #room(): Room {
    return this.#c.subscription.room
  }

  start(): void {
    if (this.#c.gap.to === undefined) this.log.seek()
    else this.log.up()
  }

  /** From now on what the publisher publishes is for its stream to bring, in causal order. */
  up(peer: string): void {
    if (peer !== this.log.publisher) return
    if (this.#c.gap.to === undefined) this.#end()
    else this.log.up()
  }

  /** Of a publisher that is gone again nothing is waited for. */
  down(peer: string): void {
    if (peer === this.log.publisher && this.#c.gap.to !== undefined) this.#end()
    else this.log.down(peer)
  }

  broken(peer: string): void {
    this.log.broken(peer)
  }

  poll(): void {
    const { others, gap } = this.#c
    this.#silent = others().includes(gap.publisher) ? this.#silent + 1 : 0
    if (this.#silent < SILENT) this.log.poll()
    else this.#reached(gap.to ?? this.at)
  }

  #brought({ after, entries, restarted }: Brought): void {
    const { subscription, gap } = this.#c
    const { publisher, epoch, known } = gap
    const to = gap.to ?? Number.POSITIVE_INFINITY
    // That it is still there is no progress.
    if (this.log.reader.received!.sequence > this.at) this.#silent = 0
    // Another log, or one that has lost its end: of what is asked for nothing is left.
    if (restarted) {
      this.#reached(to)
      return
    }
    this.#missing(Math.min(after, to))
    for (const { sequence, time, topic, bytes } of entries) {
      const place = { publisher, epoch, sequence, time }
      const wanted = sequence <= to && (subscription.created <= known || time >= subscription.created)
      if (!wanted || !subscription.offer(publisher, topic, bytes, place, this)) this.settled(place, bytes.length)
    }
    this.at = Math.min(this.log.reader.received!.sequence, to)
    if (this.at >= (gap.to ?? this.log.aim)) this.#end()
  }

  /** No log has what is left up to here. */
  #reached(to: number): void {
    this.#missing(to)
    this.#end()
  }

  #missing(before: number): void {
    const messages = before - this.at
    if (messages <= 0) return
    const { publisher, epoch } = this.#c.gap
    this.#c.subscription.missed({ publisher, epoch, sequence: before, time: 0 }, messages, this)
    this.#c.lost(messages)
    this.at = before
  }

  /** The subscription is done with a message of so many bytes; undefined: with the news that some are missing. */
  settled({ epoch, sequence }: LogPlace, bytes: number | undefined): void {
    if (this.#over) return
    this.#silent = 0
    const room = bytes === undefined ? { messages: 0, bytes: 0 } : { messages: 1, bytes }
    this.log.settled(epoch, sequence, room)
  }

  #end(): void {
    this.stop()
    this.#c.done(this)
  }

  stop(): void {
    this.#over = true
    this.log.stop()
  }
}
