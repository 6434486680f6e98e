import type { Member } from '../../core/membership/types.ts'
import {
  type InterestEntry,
  InterestTable,
  type PeerInterest,
  readChannels,
  readInterest
} from '../../core/pubsub/interest.ts'
import type { Membership } from '../membership/types.ts'

export const SUBSCRIPTION_PREFIX = 'subscription/'
export const CHANNELS_KEY = 'subscription-channels'

/** Keeps the interest table in step with the membership view. */
export class InterestView {
  /** Of subscriptions that are at-most-once. */
  readonly table: InterestTable
  /** Of those that are at-least-once. What a peer wanted stays while it may only be cut off: `onAway` decides how long. */
  readonly assured: InterestTable
  readonly #membership: Membership
  readonly #unsubscribe: () => void
  readonly #peers = new Set<string>()
  /** The incarnation of whoever is in `assured`. */
  readonly #lives = new Map<string, number>()
  #partial: boolean
  onChange: () => void = () => {}
  onDown: (peer: string) => void = () => {}
  /** A peer that is held to be dead. */
  onAway: (peer: string) => void = () => {}
  /** It lives, and in the same life. */
  onBack: (peer: string) => void = () => {}
  /** A peer wants more at least once, which it has announced under a number; `first`: it wanted nothing before. */
  onWanted: (peer: string, number: number, first: boolean) => void = () => {}
  /** A member lives. */
  onUp: (peer: string) => void = () => {}
  /** A peer wants nothing at least once any more. */
  onUnwanted: (peer: string) => void = () => {}
  onTooMany: (peer: string) => void = () => {}

  constructor(membership: Membership, patternsPerPeer: number) {
    this.table = new InterestTable(patternsPerPeer)
    this.assured = new InterestTable(patternsPerPeer)
    this.#membership = membership
    this.#partial = membership.partial
    this.#unsubscribe = membership.subscribe((event) => {
      if (event.kind === 'member-up') this.#up(event.member)
      else if (event.kind === 'member-down') this.#down(event.member, event.reason)
      else if (event.kind === 'entry') {
        if (!this.#entry(event.member.record.peer, event.entry.key, event.entry.value)) return
      } else return
      this.onChange()
    })
    for (const member of membership.members()) this.#up(member)
  }

  /** The others that live. */
  get members(): number {
    return this.#peers.size
  }

  /** Whether the peer is in the view, which it then has us in too. */
  knows(peer: string): boolean {
    return this.#peers.has(peer)
  }

  /** Raised by everything that a route depends on. */
  get generation(): number {
    if (this.#membership.partial !== this.#partial) {
      this.#partial = this.#membership.partial
      this.table.generation++
    }
    return this.table.generation
  }

  get partial(): boolean {
    return this.#membership.partial
  }

  #up(member: Member): void {
    const { peer, incarnation } = member.record
    if (peer === this.#membership.self.peer) return
    // What a former life announced is void.
    this.table.removePeer(peer)
    if (this.#lives.get(peer) === incarnation) this.onBack(peer)
    else this.forgetAssured(peer)
    this.#lives.set(peer, incarnation)
    this.assured.generation++
    this.#peers.add(peer)
    for (const entry of member.entries.values()) this.#entry(peer, entry.key, entry.value)
    this.onUp(peer)
  }

  #down(member: Member, reason: string): void {
    const { peer } = member.record
    this.#peers.delete(peer)
    this.table.removePeer(peer)
    this.assured.generation++
    this.onDown(peer)
    if ((reason === 'dead' || reason === 'evicted') && this.assured.has(peer)) this.onAway(peer)
    else this.forgetAssured(peer)
  }

  /** Who wants the topic at least once and lives, as far as known here. */
  assuredOf(topic: string): PeerInterest[] {
    return this.assured.match(topic).filter(({ peer }) => this.#peers.has(peer))
  }

  /** What it wanted at least once is void: it lives another life, or is not waited for any longer. */
  forgetAssured(peer: string): void {
    this.#lives.delete(peer)
    this.assured.removePeer(peer)
    this.onUnwanted(peer)
  }

  #entry(peer: string, key: string, value: unknown): boolean {
    if (peer === this.#membership.self.peer) return false
    if (key === CHANNELS_KEY) this.table.setChannels(peer, readChannels(value))
    else if (!key.startsWith(SUBSCRIPTION_PREFIX)) return false
    else this.#want(peer, key, readInterest(value))
    return true
  }

  #want(peer: string, key: string, entry: InterestEntry | undefined): void {
    const wanted = this.assured.has(peer)
    const assured = entry?.delivery === 'at-least-once'
    const taken = this.table.set(peer, key, assured ? undefined : entry)
    if (!this.assured.set(peer, key, assured ? entry : undefined) || !taken) this.onTooMany(peer)
    if (assured && this.assured.has(peer)) this.onWanted(peer, numberOf(key), !wanted)
    else if (wanted && !this.assured.has(peer)) this.onUnwanted(peer)
  }

  stop(): void {
    this.#unsubscribe()
  }
}

/** The number of what is announced under `key`, from 1; 0 where the key has none. */
export function numberOf(key: string): number {
  const serial = Number.parseInt(key.slice(SUBSCRIPTION_PREFIX.length), 36)
  return Number.isSafeInteger(serial) ? serial + 1 : 0
}
