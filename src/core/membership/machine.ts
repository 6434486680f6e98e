import { MeshError } from '../../../protocols/errors.ts'
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../../../protocols/overlay/constants.ts'
import type { OverlayMessage, OverlayRecord, SignedRecord } from '../../../protocols/overlay/messages.ts'
import type { Machine, Random, Sink } from '../machine.ts'
import { toDeltas } from './chunks.ts'
import { Detector } from './detector.ts'
import { Dialer } from './dialer.ts'
import type { MembershipEffect, MembershipInput } from './effects.ts'
import { met, watch } from './evidence.ts'
import { sizeOf } from './log.ts'
import { type MembershipOptions, tickInterval, withDefaults } from './options.ts'
import { Repair } from './repair.ts'
import { askFor, onAck, onDelta, onDigest, onSummary, spread } from './spread.ts'
import type { Member } from './types.ts'
import { View } from './view.ts'
import { utf8Length } from './weight.ts'

/**
 * The membership of one node: what it knows of the others, what it tells them, whom it believes dead, whom it dials.
 *
 * @example
 * const machine = new MembershipMachine(record, {}, random)
 * machine.handle({ kind: 'record', signed }, now, effects)
 * machine.handle({ kind: 'connected', peer }, now, effects)
 */
export class MembershipMachine implements Machine<MembershipInput, MembershipEffect> {
  readonly #view: View
  readonly #detector: Detector
  readonly #repair: Repair
  readonly #dialer: Dialer
  readonly #tickInterval: number
  /** The first attempt to join is over: whoever could be reached through a bootstrap peer was told who we are. */
  #joined = false
  /** Monotonic ms when it is over in any case. */
  #joinBy = Number.POSITIVE_INFINITY
  /** ms that our own event loop stood still, all told. */
  #lag = 0
  /** Monotonic ms of the last tick. */
  #tickedAt = Number.POSITIVE_INFINITY

  constructor(self: OverlayRecord, options: Partial<MembershipOptions>, random: Random) {
    this.#view = new View({ record: self, blob: new Uint8Array(0) }, withDefaults(options), random)
    this.#detector = new Detector(this.#view)
    this.#repair = new Repair(this.#view)
    this.#dialer = new Dialer(this.#view)
    this.#tickInterval = tickInterval(this.#view.options)
  }

  handle(input: MembershipInput, now: number, sink: Sink<MembershipEffect>): void {
    const view = this.#view
    if (input.kind === 'tick') {
      this.#lag += input.lag
      this.#tickedAt = now
    }
    view.now = now
    view.steady = Math.max(view.steady, now - this.#lag - this.#overdue(now))
    view.sink = sink
    switch (input.kind) {
      case 'record':
        this.#takeRecord(input.signed)
        break
      case 'tick':
        this.#tick(input.lag)
        break
      case 'flush':
        spread(view)
        break
      case 'receive':
        this.#receive(input.from, input.message)
        break
      case 'heard':
        this.#heard(input.peer)
        break
      case 'connected':
        this.#connected(input.peer)
        break
      case 'disconnected':
        this.#disconnected(input.peer)
        break
      case 'set':
        this.#set(input.key, input.value)
        break
      case 'leave':
        this.#leave()
        break
      case 'bootstrap':
        this.#dialer.bootstrap(input.addresses)
        break
      case 'dialled':
        this.#dialer.dialled(input.target, input.reached)
        break
    }
    // Whom a dial reached is a contact in the next input.
    if (!this.#joined && view.ready && !(input.kind === 'dialled' && input.reached !== undefined)) this.#lookJoined(now)
  }

  #lookJoined(now: number): void {
    const { contacts, sink } = this.#view
    const told = [...contacts.values()].every((contact) => contact.exchanged || contact.declined || contact.hungUp)
    if (now < this.#joinBy && (this.#dialer.joining || !told)) return
    this.#joined = true
    sink.push({ kind: 'progress' })
  }

  get self(): OverlayRecord {
    return this.#view.own.record
  }

  /** Our own version: of the last change that `set` made. */
  get version(): number {
    return this.#view.own.version
  }

  get partial(): boolean {
    return this.#view.partial
  }

  *members(): Generator<Member> {
    for (const member of this.#view.known.values()) if (member.isLive) yield member
  }

  /** Also one that is dead or left, as long as it is remembered. */
  member(peer: string): Member | undefined {
    return this.#view.known.get(peer)
  }

  /** True where the signed record tells nothing that is not known: it need not be verified again. */
  holds(record: OverlayRecord): boolean {
    const known = record.peer === this.#view.own.peer ? this.#view.own : this.#view.known.get(record.peer)
    if (known === undefined) return false
    if (known.incarnation !== record.incarnation) return known.incarnation > record.incarnation
    return known.record.expires >= record.expires
  }

  /** The peers that we have a connection with, members or not yet. */
  contacts(): string[] {
    return [...this.#view.contacts.keys()]
  }

  /** As its owner signed it; our own too, once it is signed. */
  signedRecord(peer: string): SignedRecord | undefined {
    const { own, known } = this.#view
    const member = peer === own.peer ? own : known.get(peer)
    return member === undefined || member.signed.blob.byteLength === 0 ? undefined : member.signed
  }

  rtt(peer: string): number | undefined {
    return this.#view.contacts.get(peer)?.rtt
  }

  /** Peers that the view was exchanged with, both ways, since they connected. */
  get exchanged(): number {
    let count = 0
    for (const contact of this.#view.contacts.values()) if (contact.exchanged) count++
    return count
  }

  /**
   * Up to which of our versions every live member knows our changes; infinite where nobody has to. A member that we are
   * not connected with holds this back for the failure timeout after we heard of it first: while a connection is to
   * come. Later it is left to the others to tell it. Nobody knows anything before the first attempt to join is over.
   */
  get announcedVersion(): number {
    const { known, contacts, now, options } = this.#view
    if (this.#view.ready && !this.#joined) return 0
    let version = Number.POSITIVE_INFINITY
    for (const member of known.values()) {
      if (!member.isLive) continue
      const contact = contacts.get(member.peer)
      if (contact === undefined) {
        if (now - member.since < options.failureTimeout) return 0
      } else if (!contact.declined && !contact.hungUp) version = Math.min(version, contact.acked)
    }
    return version
  }

  /** True once everybody connected has acknowledged that we leave. */
  get hasLeft(): boolean {
    const { contacts, leaving } = this.#view
    return leaving && [...contacts.values()].every((contact) => contact.confirmed || contact.hungUp)
  }

  /**
   * ms by which the next tick is late already. After a stall a frame may be read before any timer fires; were the time
   * of the stall counted then, all whose frames still wait would have been silent for so long.
   */
  #overdue(now: number): number {
    return Math.max(0, now - this.#tickedAt - this.#tickInterval)
  }

  #takeRecord(signed: SignedRecord): void {
    const view = this.#view
    const newLife = signed.record.incarnation !== view.own.incarnation
    if (signed.record.incarnation < view.own.incarnation) return
    view.own.signed = signed
    if (newLife) {
      view.own.refutation = 0
      for (const contact of view.contacts.values()) contact.sent = contact.acked = 0
    }
    view.own.state = 'alive'
    view.leaving = false
    if (!view.ready) {
      view.ready = true
      this.#joinBy = view.now + view.options.failureTimeout
      for (const contact of view.contacts.values()) askFor(view, contact, false)
    }
    view.flush()
  }

  #tick(lag: number): void {
    const view = this.#view
    if (!view.ready || view.leaving) return
    this.#detector.tick()
    this.#repair.tick()
    this.#dialer.tick(lag)
  }

  #connected(peer: string): void {
    const view = this.#view
    if (peer === view.own.peer || view.contacts.has(peer)) return
    const contact = view.connect(peer)
    const member = view.known.get(peer)
    if (member?.isLive) met(view, member)
    this.#dialer.connected(peer)
    if (view.ready) askFor(view, contact, false)
  }

  #disconnected(peer: string): void {
    const view = this.#view
    if (!view.contacts.delete(peer)) return
    const member = view.known.get(peer)
    if (member !== undefined) watch(view, member)
    this.#dialer.disconnected(peer)
    view.sink.push({ kind: 'progress' })
  }

  #heard(peer: string): void {
    const contact = this.#view.contacts.get(peer)
    if (contact !== undefined) this.#detector.heard(contact)
  }

  #receive(from: string, message: OverlayMessage): void {
    const view = this.#view
    if (!view.ready) return
    if (!view.contacts.has(from)) this.#connected(from)
    const contact = view.contacts.get(from)
    if (contact === undefined) return
    this.#detector.heard(contact)
    switch (message.kind) {
      case 'digest':
        onDigest(view, contact, message)
        break
      case 'summary':
        onSummary(view, contact, message.hash)
        break
      case 'delta':
        onDelta(view, contact, message)
        break
      case 'ack':
        onAck(view, contact, message)
        break
      case 'ping':
        view.sink.push({ kind: 'send', to: [from], message: { kind: 'pong', seq: message.seq } })
        return
      case 'pong':
        this.#detector.pong(contact, message.seq)
        break
      case 'pingRequest':
        this.#detector.request(from, message.seq, message.target)
        break
      case 'pingResponse':
        this.#detector.response(message.seq, message.target)
        break
    }
    if (contact.exchanged) this.#detector.met(contact)
  }

  /** Throws `ERR_LIMIT` where the key, the value or all entries together are too large. */
  #set(key: string, value: unknown): void {
    const { own, options, now } = this.#view
    const entry = { key, value, version: own.version + 1 }
    if (utf8Length(key) > MAX_KEY_BYTES)
      throw new MeshError('ERR_LIMIT', `entry key of more than ${MAX_KEY_BYTES} bytes`)
    const size = sizeOf(entry)
    if (size > MAX_VALUE_BYTES) throw new MeshError('ERR_LIMIT', `entry ${key} of ${size} bytes`, { details: { key } })
    if (value !== undefined && !own.log.fits(entry, options.maxEntries, options.maxEntryBytes)) {
      throw new MeshError('ERR_LIMIT', `more entries than a member may announce`, { details: { key } })
    }
    own.log.put(entry, now)
    own.version = entry.version
    this.#view.flush()
  }

  #leave(): void {
    const view = this.#view
    if (view.leaving || !view.ready) return
    view.leaving = true
    view.own.state = 'left'
    const to = [...view.contacts.keys()]
    for (const contact of view.contacts.values()) contact.confirmed = false
    const part = { member: view.own, record: false, after: undefined, accuser: undefined }
    if (to.length > 0) for (const message of toDeltas([part], true)) view.sink.push({ kind: 'send', to, message })
    view.sink.push({ kind: 'progress' })
  }
}
