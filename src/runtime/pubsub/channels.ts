import { channelName } from '../../../protocols/publish-subscribe/constants.ts'
import type { Membership } from '../membership/types.ts'
import type { Broadcast, Clock, Timer } from '../ports.ts'
import { CHANNELS_KEY, type InterestView } from './interest.ts'
import type { PubSubLimits } from './types.ts'

interface Joined {
  since: number
  /** Announced to be relied on. */
  settled: boolean
  /** ms since when nobody here needs it; undefined while somebody does. */
  idle: number | undefined
}

/**
 * The wide channels that this node has joined. It joins what its subscriptions need once the mesh is so large that somebody
 * could publish wide, and says so only after its gossipsub mesh had time to form: until then publishers go on sending to it
 * directly, so that the first message is never lost to a mesh that is still being built. It leaves the other way round.
 */
export class Channels {
  readonly #membership: Membership
  readonly #broadcast: Broadcast
  readonly #clock: Clock
  readonly #limits: Pick<PubSubLimits, 'settle' | 'directFanout'>
  readonly #view: InterestView
  readonly #needed = new Map<number, number>()
  readonly #joined = new Map<number, Joined>()
  #announced = ''
  #timer: Timer | undefined
  #stopped = false

  constructor(
    membership: Membership,
    broadcast: Broadcast,
    clock: Clock,
    limits: Pick<PubSubLimits, 'settle' | 'directFanout'>,
    view: InterestView
  ) {
    this.#membership = membership
    this.#broadcast = broadcast
    this.#clock = clock
    this.#limits = limits
    this.#view = view
  }

  has(channel: number): boolean {
    return this.#joined.has(channel)
  }

  need(channel: number): void {
    this.#needed.set(channel, (this.#needed.get(channel) ?? 0) + 1)
    this.review()
  }

  release(channel: number): void {
    const left = (this.#needed.get(channel) ?? 0) - 1
    if (left > 0) this.#needed.set(channel, left)
    else this.#needed.delete(channel)
    this.review()
  }

  /** Joins what is needed, says what is settled, leaves what has long been idle. Cheap: at most 64 channels. */
  review(): void {
    if (this.#stopped) return
    const now = this.#clock.monotonic()
    if (this.#view.members > this.#limits.directFanout || this.#view.partial) {
      for (const channel of this.#needed.keys()) {
        if (this.#joined.has(channel)) continue
        this.#joined.set(channel, { since: now, settled: false, idle: undefined })
        this.#broadcast.join(channelName(channel))
      }
    }
    for (const [channel, joined] of this.#joined) this.#judge(channel, joined, now)
    this.#announce()
    if (this.#joined.size === 0 || this.#timer !== undefined) return
    this.#timer = this.#clock.after(this.#limits.settle, () => {
      this.#timer = undefined
      this.review()
    })
  }

  #judge(channel: number, joined: Joined, now: number): void {
    const { settle } = this.#limits
    if (this.#needed.has(channel)) {
      joined.idle = undefined
      const aged = now - joined.since >= settle
      if (aged) joined.settled = this.#broadcast.subscribers(channelName(channel)).length > 0
      return
    }
    joined.idle ??= now
    joined.settled = false
    if (now - joined.idle < 2 * settle) return
    this.#joined.delete(channel)
    this.#broadcast.leave(channelName(channel))
  }

  #announce(): void {
    const settled = [...this.#joined].filter(([, joined]) => joined.settled).map(([channel]) => channel)
    settled.sort((a, b) => a - b)
    const text = settled.join()
    if (text === this.#announced) return
    this.#announced = text
    this.#membership.set(CHANNELS_KEY, settled)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    for (const channel of this.#joined.keys()) this.#broadcast.leave(channelName(channel))
    this.#joined.clear()
  }
}
