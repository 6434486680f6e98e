import type { Entries, Fetch } from '../../../../protocols/publish-subscribe/messages.ts'
import type { Brought, LogReader, Room } from '../../../core/pubsub/log-reader.ts'
import type { RecentLimits } from '../../../core/pubsub/recent.ts'
import type { Clock, Timer } from '../../ports.ts'
import { Replica } from './replica.ts'

export interface FollowedLogComponents {
  clock: Clock
  /** Undefined where nothing is kept for others. */
  replica: RecentLimits | undefined
  ask(peer: string, fetch: Fetch): void
  /** The others that live. */
  others(): Iterable<string>
  room(): Room
  brought(log: FollowedLog, brought: Brought): void
  /** Nobody else has more of it. */
  nobody?(): void
}

/** ms that others are given to tell what they have of a publisher that is gone. A guess: some round trips. */
const DIGEST = 500
/** ms until a reader is opened anew after its link broke: × 2ⁿ, with n at most 4. Guesses, as for numbered batches. */
const RETRY = 250
const SLOWEST_RETRY = 4

/**
 * One publisher's log as one subscription reads it: from the publisher while it lives, else from whoever has received
 * more of it. Digests first (Demers et al., "Epidemic Algorithms for Replicated Database Maintenance", 1987), so that
 * only one of them sends.
 */
export class FollowedLog {
  readonly reader: LogReader
  readonly replica: Replica | undefined
  /** Settles with the first answer, or when there will be none for now. */
  readonly answered = Promise.withResolvers<void>()
  readonly #c: FollowedLogComponents
  /** How much whoever it was last read from instead of the publisher has said to have. */
  aim = 0
  /** Whom it is read from. */
  #source: string | undefined
  #heard = false
  #tries = 0
  #timer: Timer | undefined
  /** Who has told what there is, while that is collected. */
  #digests: { peer: string; last: number }[] | undefined

  constructor(reader: LogReader, components: FollowedLogComponents) {
    this.reader = reader
    this.#c = components
    this.replica = components.replica && new Replica(components.replica)
  }

  get publisher(): string {
    return this.reader.publisher
  }

  /** The publisher lives. */
  up(): void {
    if (this.#source !== undefined && this.#source !== this.publisher) this.#c.ask(this.#source, this.reader.leave())
    this.#tries = 0
    this.#read(this.publisher)
  }

  #read(source: string): void {
    this.#digests = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    this.#source = source
    this.#c.ask(source, this.#addressed(this.reader.open(this.#c.room())))
  }

  /** The publisher itself is asked for its own log. */
  #addressed(fetch: Fetch): Fetch {
    return this.#source === this.publisher ? { ...fetch, publisher: '' } : fetch
  }

  /** The peer is gone: what it has not sent must come from elsewhere. */
  down(peer: string): void {
    if (peer === this.publisher) this.answered.resolve()
    if (peer === this.#source) this.#seek()
  }

  /** Asks the others how much they have. */
  seek(): void {
    if (this.#source === undefined) this.#seek()
  }

  #seek(): void {
    this.#source = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.reader.received === undefined) {
      this.#c.nobody?.()
      return
    }
    this.#digests = []
    for (const peer of this.#c.others()) this.#c.ask(peer, this.reader.digest())
    this.#timer = this.#c.clock.after(DIGEST, () => this.#choose())
  }

  #choose(): void {
    const digests = this.#digests ?? []
    this.#digests = undefined
    this.#timer = undefined
    const [best] = digests.sort((a, b) => b.last - a.last)
    this.aim = best?.last ?? this.aim
    if (best !== undefined) this.#read(best.peer)
    else this.#c.nobody?.()
  }

  entries(peer: string, frame: Entries): void {
    const { received } = this.reader
    if (this.#digests !== undefined) {
      // Only what goes on from where it ended here: to leave something out is for the publisher to say.
      const useful = frame.epoch === received?.epoch && frame.first - 1 <= received.sequence
      if (useful && frame.last > received.sequence) this.#digests.push({ peer, last: frame.last })
      return
    }
    if (peer !== this.#source) return
    const foreign = peer !== this.publisher
    if (frame.turn === 0) {
      if (foreign) this.#source = undefined
      else this.#retry()
    } else if (foreign && (frame.epoch !== received?.epoch || frame.after !== received.sequence)) {
      this.#source = undefined
    } else this.#take(frame)
  }

  #take(frame: Entries): void {
    const brought = this.reader.take(frame)
    if (brought === undefined) return
    this.#heard = true
    this.#tries = 0
    this.replica?.extend(frame.epoch, frame.after, frame.to, frame.entries)
    this.answered.resolve()
    this.#c.brought(this, brought)
  }

  settled(epoch: number, sequence: number, room: Room): void {
    this.reader.settle(epoch, sequence, room)
    if (this.#source === undefined || !this.reader.due(this.#c.room())) return
    this.#c.ask(this.#source, this.#addressed(this.reader.renew(this.#c.room())))
  }

  /** Nothing may have come for a while: whether it was lost is asked. */
  poll(): void {
    const quiet = !this.#heard
    this.#heard = false
    if (!quiet || this.#timer !== undefined) return
    if (this.#source === undefined) this.#seek()
    else this.#c.ask(this.#source, this.#addressed(this.reader.renew(this.#c.room())))
  }

  /** A link to the peer is gone, and perhaps what was on it. */
  broken(peer: string): void {
    if (peer === this.#source) this.#retry()
  }

  #retry(): void {
    const source = this.#source!
    const ms = RETRY * 2 ** Math.min(this.#tries, SLOWEST_RETRY)
    this.#timer ??= this.#c.clock.after(ms, () => {
      this.#tries++
      this.#read(source)
    })
  }

  stop(): void {
    this.#timer?.cancel()
    if (this.#source !== undefined) this.#c.ask(this.#source, this.reader.leave())
    this.#source = undefined
    this.#digests = undefined
    this.answered.resolve()
  }
}
