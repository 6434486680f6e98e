import type { Claim, SignedRecord } from '../../../protocols/overlay/messages.ts'
import type { Random, Sink } from '../machine.ts'
import { tierOf } from '../routing/topology.ts'
import { isLive } from './claim.ts'
import { Contact } from './contact.ts'
import type { MembershipEffect } from './effects.ts'
import { Known } from './known.ts'
import type { MembershipOptions } from './options.ts'
import type { MembershipEvent } from './types.ts'

/** What is to be handed on at the end of the turn. */
export interface News {
  /** Who told us: it need not be told. */
  from: string | undefined
  /** With the record: a new life, or one with new addresses. */
  record: boolean
  /** With the changes after this version. */
  after: number | undefined
  accuser: string | undefined
  /** To everybody connected, not to a few: our own suspicion, which they may confirm. */
  everybody: boolean
}

/**
 * The state that the parts of the machine share: ourselves, the members held, the connections, and what is to be told.
 * Invariants: `known` never holds ourselves; at most `maxMembers` of it are live and half as many again are not.
 */
export class View {
  readonly own: Known
  readonly options: MembershipOptions
  readonly random: Random
  readonly known = new Map<string, Known>()
  readonly contacts = new Map<string, Contact>()
  readonly news = new Map<string, News>()
  /** Somebody may be missing: the view was full once, and who finds it full tells it of nobody but himself. */
  partial = false
  /** Live members in `known`. */
  live = 0
  leaving = false
  /** Own record is signed: until then nothing is said. */
  ready = false
  /** Set by `handle` before anything else. Steady time is monotonic time without our own event loop's lag. */
  now = 0
  steady = 0
  sink: Sink<MembershipEffect> = []
  #flushAsked = false

  constructor(self: SignedRecord, options: MembershipOptions, random: Random) {
    this.own = new Known(self, { refutation: 0, state: 'alive' }, 0)
    this.options = options
    this.random = random
  }

  get closed(): boolean {
    return this.live >= this.options.maxMembers
  }

  emit(event: MembershipEvent): void {
    this.sink.push({ kind: 'emit', event })
  }

  flush(): void {
    if (this.#flushAsked) return
    this.#flushAsked = true
    this.sink.push({ kind: 'flush' })
  }

  flushed(): void {
    this.#flushAsked = false
  }

  connect(peer: string): Contact {
    const contact = new Contact(peer, this.steady)
    this.contacts.set(peer, contact)
    return contact
  }

  /** News of the same turn is merged; what more than one told us is news to everybody. */
  tell(peer: string, news: Partial<News>): void {
    const before = this.news.get(peer)
    this.news.set(peer, {
      from: before === undefined || before.from === news.from ? news.from : undefined,
      record: (before?.record ?? false) || (news.record ?? false),
      after: least(before?.after, news.after),
      accuser: news.accuser ?? before?.accuser,
      everybody: (before?.everybody ?? false) || (news.everybody ?? false)
    })
    this.flush()
  }

  /** Takes a member in where there is room, or where it stands closer than one that is held. */
  admit(signed: SignedRecord, claim: Claim): Known | undefined {
    const { peer } = signed.record
    if (this.closed) {
      const weakest = this.#weakest()
      if (weakest === undefined || this.#closeness(peer, signed) <= this.#closeness(weakest.peer, weakest.signed))
        return
      this.remove(weakest, 'evicted')
      this.known.delete(weakest.peer)
    }
    const member = new Known(signed, claim, this.now)
    member.evidenceAt = this.steady
    this.known.set(peer, member)
    this.#count()
    this.learn(member)
    this.emit({ kind: 'member-up', member })
    return member
  }

  /** From live to dead, left, replaced or evicted: its entries go with it. */
  remove(member: Known, reason: 'left' | 'dead' | 'replaced' | 'evicted'): void {
    if (!member.isLive) return
    this.live--
    if (reason === 'dead' || reason === 'left') member.state = reason
    member.downAt = this.now
    const last = member.clear()
    this.emit({ kind: 'member-down', member: last, reason })
  }

  /** Back to life after a death that was none. False where there is no room left: it is forgotten then. */
  revive(member: Known): boolean {
    if (this.closed) {
      this.known.delete(member.peer)
      return false
    }
    member.evidenceAt = this.steady
    this.#count()
    this.emit({ kind: 'member-up', member })
    return true
  }

  learn(member: Known): void {
    this.sink.push({ kind: 'learn', peer: member.peer, addresses: member.record.addresses })
  }

  /** Forgets the long dead, and the longest dead first where there are too many. */
  sweep(): void {
    const moment = this.now - this.options.retention
    this.own.log.forget(moment)
    const dead: Known[] = []
    for (const member of this.known.values()) {
      member.log.forget(moment)
      if (isLive(member.state)) continue
      if (member.downAt < moment) this.known.delete(member.peer)
      else dead.push(member)
    }
    const surplus = dead.length - Math.ceil(this.options.maxMembers / 2)
    if (surplus <= 0) return
    for (const member of dead.sort((a, b) => a.downAt - b.downAt).slice(0, surplus)) this.known.delete(member.peer)
  }

  /** Up to `count` of the contacts that `accept` takes, uniformly. */
  pick(count: number, accept: (contact: Contact) => boolean): Contact[] {
    const pool = [...this.contacts.values()].filter(accept)
    const picked: Contact[] = []
    while (picked.length < count && pool.length > 0) {
      picked.push(pool.splice(Math.floor(this.random() * pool.length), 1)[0]!)
    }
    return picked
  }

  #count(): void {
    this.live++
    this.partial ||= this.closed
  }

  #weakest(): Known | undefined {
    let weakest: Known | undefined
    let least = Number.POSITIVE_INFINITY
    for (const member of this.known.values()) {
      if (!member.isLive) continue
      const closeness = this.#closeness(member.peer, member.signed)
      if (closeness < least) {
        weakest = member
        least = closeness
      }
    }
    return weakest
  }

  /** Connected before same zone before same region before the rest. */
  #closeness(peer: string, { record }: SignedRecord): number {
    return (this.contacts.has(peer) ? 4 : 0) - tierOf(this.own.record, record)
  }
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b)
}
