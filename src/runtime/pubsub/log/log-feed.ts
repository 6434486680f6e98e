import { MeshError } from '../../../../protocols/errors.ts'
import type { Fetch } from '../../../../protocols/publish-subscribe/messages.ts'
import { type Brought, type LogPosition, LogReader, type Room } from '../../../core/pubsub/log-reader.ts'
import type { Clock, Timer } from '../../ports.ts'
import type { AssuredSubscription } from '../assured-subscription.ts'
import type { LogLimits, LogPlace, PubSubEvent } from '../types.ts'
import type { CursorStore } from './cursor-store.ts'
import { FollowedLog } from './followed-log.ts'
import { beginningWith, type From } from './from.ts'

export interface LogFeedComponents {
  clock: Clock
  limits: LogLimits
  pattern: string
  from: From
  /** What the subscription may hold of all publishers together. */
  room: Room
  /** Undefined for a subscription that is not durable. */
  cursors: CursorStore | undefined
  subscription: AssuredSubscription
  /** Gives the reader its name, under which entries come for it. */
  register(make: (id: number) => FollowedLog): FollowedLog
  unregister(log: FollowedLog): void
  ask(peer: string, fetch: Fetch): void
  /** Everybody that lives, this node included. */
  members(): string[]
  emit(event: PubSubEvent): void
}

/** ms until how far a subscription is is written again, where it could not be. A guess. */
const AGAIN = 1_000

/**
 * All logs that one subscription reads, one for each publisher, and how far it is with each: what it has acknowledged is
 * written later, never earlier.
 */
export class LogFeed {
  readonly pattern: string
  readonly #c: LogFeedComponents
  readonly #logs = new Map<string, FollowedLog>()
  readonly #live = new Set<string>()
  /** Publishers whose position has changed since it was written. */
  readonly #dirty = new Set<string>()
  #from: From
  #created: number
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()
  #started = false
  /** Whom it meets from now on has published before, and after, the subscription was made. */
  #established = false
  #closed = false

  constructor(components: LogFeedComponents) {
    this.#c = components
    this.pattern = components.pattern
    this.#from = components.from
    this.#created = Math.floor(components.clock.now())
  }

  get logs(): Iterable<FollowedLog> {
    return this.#logs.values()
  }

  /**
   * Resolves once every publisher that lives knows where this subscription is, and, where it is durable, the disk does.
   * `ERR_STORAGE` where a new one cannot be remembered, `ERR_CONFIG` where one of that name has another pattern.
   */
  async start(): Promise<void> {
    await this.#resume()
    if (this.#closed) return
    this.#started = true
    const members = this.#c.members()
    // All of them before the first is read, which would be given more than its share.
    for (const peer of members) this.#live.add(peer)
    for (const peer of members) (this.#logs.get(peer) ?? this.#log(peer, undefined)).up()
    this.#established = true
    // Of publishers that are gone others may have received more.
    for (const log of this.#logs.values()) log.seek()
    // Who is gone answers nothing, and publishes nothing.
    await Promise.all(members.map((peer) => this.#logs.get(peer)!.answered.promise))
    // Should it not get there now: what was published since the subscription was made is read all the same.
    if (this.#c.cursors !== undefined) await this.#write().catch(() => this.#again())
  }

  async #resume(): Promise<void> {
    const { cursors, pattern } = this.#c
    if (cursors === undefined) return
    const remembered = await cursors.load()
    if (this.#closed) return
    if (remembered === undefined) {
      await cursors.write([cursors.made({ pattern, created: this.#created, from: this.#from })])
      return
    }
    if (remembered.pattern !== pattern) {
      throw new MeshError('ERR_CONFIG', `name: this durable subscription is to ${remembered.pattern}`, {
        details: { key: 'name', pattern: remembered.pattern }
      })
    }
    this.#created = remembered.created
    this.#from = remembered.from
    this.#established = true
    for (const [publisher, at] of remembered.positions) this.#log(publisher, at)
  }

  #log(publisher: string, at: LogPosition | undefined): FollowedLog {
    const { clock, limits, cursors, ask, members, register } = this.#c
    const begin = beginningWith(publisher, this.#from, this.#created, this.#established)
    const log = register((id) => {
      const reader = new LogReader(id, publisher, this.pattern, begin, at)
      return new FollowedLog(reader, {
        ...{ clock, ask, replica: cursors && limits.replica },
        others: () => members().filter((peer) => peer !== publisher),
        room: () => this.#room(),
        brought: (log, brought) => this.#brought(log, brought)
      })
    })
    this.#logs.set(publisher, log)
    return log
  }

  /** The share of each publisher that lives of what the subscription may hold: those that are gone bring next to nothing. */
  #room(): Room {
    const { messages, bytes } = this.#c.room
    const share = (whole: number) => Math.max(1, Math.floor(whole / Math.max(1, this.#live.size)))
    return { messages: share(messages), bytes: share(bytes) }
  }

  /** A member lives. */
  up(peer: string): void {
    if (!this.#started || this.#closed) return
    this.#live.add(peer)
    const log = this.#logs.get(peer) ?? this.#log(peer, undefined)
    log.up()
    // It may have more of those that are gone.
    for (const other of this.#logs.values()) other.seek()
  }

  down(peer: string): void {
    this.#live.delete(peer)
    for (const log of this.#logs.values()) log.down(peer)
  }

  broken(peer: string): void {
    for (const log of this.#logs.values()) log.broken(peer)
  }

  poll(): void {
    for (const log of this.#logs.values()) log.poll()
  }

  #brought(log: FollowedLog, { after, entries, missing, restarted }: Brought): void {
    const { subscription, emit } = this.#c
    const { publisher, reader } = log
    const { epoch } = reader.received!
    if (restarted) emit({ kind: 'lost', publisher, channel: undefined, packets: undefined })
    if (missing > 0) {
      emit({ kind: 'lost', publisher, channel: undefined, packets: missing })
      subscription.missed({ publisher, epoch, sequence: after, time: 0 }, missing)
    }
    for (const { sequence, time, topic, bytes } of entries) {
      const place = { publisher, epoch, sequence, time }
      if (!subscription.offer(publisher, topic, bytes, place)) this.settled(place, bytes.length)
    }
    this.#moved(publisher)
  }

  /** The subscription is done with a message of so many bytes; undefined: with the news that some are missing. */
  settled({ publisher, epoch, sequence }: LogPlace, bytes: number | undefined): void {
    if (this.#closed) return
    const room = bytes === undefined ? { messages: 0, bytes: 0 } : { messages: 1, bytes }
    this.#logs.get(publisher)?.settled(epoch, sequence, room)
    this.#moved(publisher)
  }

  #moved(publisher: string): void {
    const { cursors, clock, limits } = this.#c
    if (cursors === undefined || this.#closed) return
    this.#dirty.add(publisher)
    this.#timer ??= clock.after(limits.cursor, () => void this.#write().catch(() => this.#again()))
  }

  #again(): void {
    if (this.#closed) return
    this.#timer ??= this.#c.clock.after(AGAIN, () => void this.#write().catch(() => this.#again()))
  }

  /** Writes how far it is. `ERR_STORAGE`: then it is written again later. */
  #write(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#writing = this.#writing
      .catch(() => {})
      .then(async () => {
        const cursors = this.#c.cursors!
        const publishers = [...this.#dirty]
        this.#dirty.clear()
        const changes = publishers.flatMap((publisher) => {
          const position = this.#logs.get(publisher)?.reader.position
          return position === undefined ? [] : [cursors.at(publisher, position)]
        })
        if (changes.length === 0) return
        try {
          await cursors.write(changes)
        } catch (error) {
          for (const publisher of publishers) this.#dirty.add(publisher)
          throw error
        }
      })
    return this.#writing
  }

  /** Resolves once how far it is is on disk. `ERR_STORAGE`. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const log of this.#logs.values()) {
      log.stop()
      this.#c.unregister(log)
    }
    if (this.#c.cursors !== undefined) await this.#write()
  }
}
