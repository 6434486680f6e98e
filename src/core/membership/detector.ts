import type { Contact } from './contact.ts'
import { deserted, pingInterval, STAGE, silence, vouched, watch } from './evidence.ts'
import type { Known } from './known.ts'
import { accuse, judge } from './standing.ts'
import type { View } from './view.ts'

/** A round-trip time older than this, in ping intervals, is measured again though the peer is not idle. */
const RTT_AGE = 10
/**
 * For so many failure timeouts a member that was never connected is left alone: while a mesh is being built on a busy
 * machine nobody whom we could ask is connected with it either, which says nothing of it.
 */
const NEWCOMER = 6
/** Probes for others under way at once. */
const MAX_PROBES = 256

/** A probe that we make for another member. */
interface Probe {
  from: string
  seq: number
  /** Steady ms. */
  until: number
}

/**
 * SWIM's failure detection (Das, Gupta, Motivala 2002), where every connected member is pinged once it was silent for
 * an interval, one that is lost is watched (see `watch`), and in a full mesh one member that is not connected (yet) is
 * probed through others each interval.
 */
export class Detector {
  readonly #view: View
  readonly #probes = new Map<string, Probe[]>()
  #probeCount = 0
  #seq = 0
  #roundAt = 0

  constructor(view: View) {
    this.#view = view
  }

  tick(): void {
    const view = this.#view
    for (const contact of view.contacts.values()) this.#checkContact(contact)
    for (const member of view.known.values()) {
      if (!member.isLive) continue
      const quiet = silence(view, member) / view.options.failureTimeout
      if (quiet >= STAGE.probe && view.steady - member.probedAt >= pingInterval(view)) {
        member.probedAt = view.steady
        this.#askOthers(member)
      }
      if (quiet >= STAGE.suspect) accuse(view, member)
      judge(view, member)
    }
    if (view.steady - this.#roundAt < pingInterval(view)) return
    this.#roundAt = view.steady
    this.#watchOthers()
    this.#expire()
  }

  /** Whatever came from the peer is a sign of life. */
  heard(contact: Contact): void {
    contact.heardAt = this.#view.steady
    contact.hungUp = false
    const probes = this.#probes.get(contact.peer)
    if (probes === undefined) return
    this.#probes.delete(contact.peer)
    this.#probeCount -= probes.length
    for (const { from, seq } of probes) this.#respond(from, seq, contact.peer)
  }

  /** Views were exchanged: the round trip is measured now, since routing and windows go by it. */
  met(contact: Contact): void {
    if (contact.pingedAt === Number.NEGATIVE_INFINITY) this.#ping(contact)
  }

  pong(contact: Contact, seq: number): void {
    const { ping } = contact
    if (ping === undefined || ping.seq !== seq) return
    contact.ping = undefined
    contact.rttAt = this.#view.steady
    contact.measured(this.#view.now - ping.at)
  }

  request(from: string, seq: number, target: string): void {
    const view = this.#view
    const contact = view.contacts.get(target)
    if (contact === undefined) return
    if (view.steady - contact.heardAt < pingInterval(view) / 2) {
      this.#respond(from, seq, target)
      return
    }
    if (this.#probeCount >= MAX_PROBES) return
    const probe: Probe = { from, seq, until: view.steady + view.options.failureTimeout }
    const probes = this.#probes.get(target)
    if (probes === undefined) this.#probes.set(target, [probe])
    else probes.push(probe)
    this.#probeCount++
    this.#ping(contact)
  }

  response(seq: number, target: string): void {
    const member = this.#view.known.get(target)
    if (member !== undefined) vouched(this.#view, member, seq)
  }

  #checkContact(contact: Contact): void {
    const view = this.#view
    const idle = view.steady - contact.heardAt
    const unmeasured = view.steady - contact.rttAt >= RTT_AGE * pingInterval(view)
    if ((idle >= pingInterval(view) || unmeasured) && view.steady - contact.pingedAt >= pingInterval(view)) {
      this.#ping(contact)
    }
    if (idle >= view.options.failureTimeout && !contact.hungUp) {
      contact.hungUp = true
      view.sink.push({ kind: 'hang-up', peer: contact.peer })
    }
  }

  #ping(contact: Contact): void {
    this.#seq = (this.#seq + 1) % 2 ** 32
    contact.pingedAt = this.#view.steady
    contact.ping = { seq: this.#seq, at: this.#view.now }
    this.#view.sink.push({ kind: 'send', to: [contact.peer], message: { kind: 'ping', seq: this.#seq } })
  }

  #askOthers(member: Known): void {
    const target = member.peer
    const helpers = this.#view.pick(this.#view.options.indirectProbes, (contact) => contact.peer !== target)
    if (helpers.length === 0) return
    this.#seq = (this.#seq + 1) % 2 ** 32
    member.probe = this.#seq
    const to = helpers.map((contact) => contact.peer)
    this.#view.sink.push({ kind: 'send', to, message: { kind: 'pingRequest', seq: this.#seq, target } })
  }

  #respond(to: string, seq: number, target: string): void {
    this.#view.sink.push({ kind: 'send', to: [to], message: { kind: 'pingResponse', seq, target } })
  }

  /**
   * A member that we are not connected with, though all could be, is looked after one at a time. Where the mesh is too
   * large to be full we leave that to those who are connected with it: whom we could ask would seldom know it. Where all
   * whom we could ask are silent there is nobody to leave it to, so all are looked after at once, newcomers too.
   */
  #watchOthers(): void {
    const view = this.#view
    if (deserted(view)) {
      for (const member of view.known.values()) if (!view.contacts.has(member.peer)) watch(view, member)
      return
    }
    if (view.live >= view.options.fullMeshLimit) return
    const settled = view.now - NEWCOMER * view.options.failureTimeout
    const unwatched = [...view.known.values()].filter(
      (m) => m.isLive && !m.watched && (m.settled || m.since < settled) && !view.contacts.has(m.peer)
    )
    const chosen = unwatched[Math.floor(view.random() * unwatched.length)]
    if (chosen !== undefined) watch(view, chosen)
  }

  #expire(): void {
    for (const [target, probes] of this.#probes) {
      const left = probes.filter((probe) => probe.until > this.#view.steady)
      this.#probeCount -= probes.length - left.length
      if (left.length === 0) this.#probes.delete(target)
      else this.#probes.set(target, left)
    }
  }
}
