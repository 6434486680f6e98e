import type { Member, Membership } from '../../core/membership/types.ts'
import { InterestTable, readChannels, readInterest } from '../../core/pubsub/interest.ts'

export const SUBSCRIPTION_PREFIX = 'subscription/'
export const CHANNELS_KEY = 'subscription-channels'

/** Keeps the interest table in step with the membership view. */
export class InterestView {
  readonly table: InterestTable
  readonly #membership: Membership
  readonly #unsubscribe: () => void
  readonly #peers = new Set<string>()
  #partial: boolean
  onChange: () => void = () => {}
  onDown: (peer: string) => void = () => {}
  onTooMany: (peer: string) => void = () => {}

  constructor(membership: Membership, patternsPerPeer: number) {
    this.table = new InterestTable(patternsPerPeer)
    this.#membership = membership
    this.#partial = membership.partial
    this.#unsubscribe = membership.subscribe((event) => {
      if (event.kind === 'member-up') this.#up(event.member)
      else if (event.kind === 'member-down') this.#down(event.member)
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
    const { peer } = member.record
    if (peer === this.#membership.self.peer) return
    // What a former life announced is void.
    this.table.removePeer(peer)
    this.#peers.add(peer)
    for (const entry of member.entries.values()) this.#entry(peer, entry.key, entry.value)
  }

  #down(member: Member): void {
    this.#peers.delete(member.record.peer)
    this.table.removePeer(member.record.peer)
    this.onDown(member.record.peer)
  }

  #entry(peer: string, key: string, value: unknown): boolean {
    if (peer === this.#membership.self.peer) return false
    if (key === CHANNELS_KEY) this.table.setChannels(peer, readChannels(value))
    else if (!key.startsWith(SUBSCRIPTION_PREFIX)) return false
    else if (!this.table.set(peer, key, readInterest(value))) this.onTooMany(peer)
    return true
  }

  stop(): void {
    this.#unsubscribe()
  }
}
