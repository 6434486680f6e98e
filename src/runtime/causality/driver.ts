import { decodeComing, decodeFill, decodeMissing, decodeStatements } from '../../../protocols/causality/codec.ts'
import { CAUSALITY, DestinationKind, Kind, Way } from '../../../protocols/causality/constants.ts'
import type { IncomingStamp, OutgoingStamp } from '../../../protocols/causality/messages.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { Destination, Mark } from '../../core/causality/destination.ts'
import { type CausalInput, CausalOrder, type PublicationSource } from '../../core/causality/order.ts'
import type { CausalEffect, CausalLimits } from '../../core/causality/types.ts'
import type { MembershipEvent } from '../../core/membership/types.ts'
import type { StreamLink } from '../links/link.ts'
import type { LinkTable } from '../links/table.ts'
import type { Link, LinkHandler } from '../links/types.ts'
import type { Membership } from '../membership/types.ts'
import type { Clock, Timer } from '../ports.ts'
import { Frames } from './frames.ts'
import { HandOut } from './hand-out.ts'
import type { Ordered } from './ordered.ts'

export type CausalEvent = {
  kind: 'causal-gap'
  /** Whose message is missing, and the first one that was not waited for any longer. */
  producer: string
  number: number
  /** `timeout`: nobody said in time what became of it. `full`: too much waits, here for it or there unconfirmed. */
  reason: 'timeout' | 'full'
}

export interface CausalDriverParts {
  self: string
  clock: Clock
  links: LinkTable
  membership: Membership
  limits: CausalLimits
  emit(event: CausalEvent): void
}

/** ms between two looks at what waits and what is not confirmed, while anything is. */
const TICK = 10
/** Peers remembered as gone. A guess: the oldest only cost a question if somebody names them again. */
const GONE = 4_096

/**
 * The causal order of what this node sends and gets, messages and publications together: the driver of `CausalOrder`.
 * A message is stamped before it is written and counts once `sent` says so.
 */
export class CausalDriver implements LinkHandler {
  readonly protocol = CAUSALITY
  readonly lanes = ['control'] as const
  /** Gaps that were passed over. */
  gaps = 0
  readonly #parts: CausalDriverParts
  readonly #order: CausalOrder<Ordered>
  readonly #frames: Frames
  readonly #out: HandOut
  readonly #sink = { push: (effect: CausalEffect<Ordered>) => this.#perform(effect) }
  readonly #gone = new Set<string>()
  readonly #unsubscribe: () => void
  #timer: Timer | undefined
  #room: PromiseWithResolvers<void> | undefined
  /** Somebody found it full: `onRoom` is due. */
  #sought = false
  #stopped = false
  /** Who subscribes here: publish-subscribe sets it. */
  wants: (kind: DestinationKind, topic: string) => boolean = () => false
  /** Whether something is kept for the peer's at-least-once subscriptions: publish-subscribe sets it. */
  retained: (peer: string) => boolean = () => false
  /** The first of our numbers that is kept for them and was not received; Infinity where there is none: publish-subscribe sets it. */
  unreceived: (peer: string) => number = () => Number.POSITIVE_INFINITY
  /** There is room again for who found `full`. */
  onRoom: () => void = () => {}

  constructor(parts: CausalDriverParts) {
    this.#parts = parts
    const { self, clock, links, membership, limits } = parts
    this.#frames = new Frames(links, clock)
    this.#out = new HandOut(clock)
    this.#order = new CausalOrder<Ordered>(
      {
        self,
        epoch: Math.max(1, Math.floor(clock.now())),
        wants: (kind, topic) => this.wants(kind, topic),
        alive: (peer) => !this.#gone.has(peer),
        retained: (peer) => this.retained(peer),
        unreceived: (peer) => this.unreceived(peer)
      },
      limits
    )
    this.#unsubscribe = membership.subscribe((event) => this.#member(event))
    links.register(this)
  }

  /** Messages that wait for others. */
  get waiting(): number {
    return this.#order.arrivals.waiting
  }

  /** Whether publications of the peer for at-least-once subscriptions wait for their turn. */
  holdsAssured(peer: string): boolean {
    return this.#order.arrivals.holds(peer, Way.assured)
  }

  // ---- sending -----------------------------------------------------------------------------------------------------

  /** True while too much is unconfirmed for one more message to say it all; who finds it so is told by `onRoom`. */
  get full(): boolean {
    const { full } = this.#order.sending
    if (full) this.#sought = true
    return full
  }

  /** Resolves when there is room; undefined where there is. */
  room(): Promise<void> | undefined {
    if (!this.full || this.#stopped) return undefined
    this.#room ??= Promise.withResolvers()
    return this.#room.promise
  }

  #target(link: StreamLink): Destination {
    let target = link.order as Destination | undefined
    if (target === undefined || target.over) {
      target = this.#order.sending.destination(DestinationKind.host, link.peer)
      link.order = target
    }
    return target
  }

  /** For a message that is about to be written to the link; it is valid until the next one is asked for. */
  stamp(link: StreamLink): OutgoingStamp {
    return this.#order.sending.stamp(this.#target(link))
  }

  /** What was stamped last has been written. */
  sent(link: StreamLink): void {
    this.#order.sending.sent(this.#target(link), this.#parts.links.turn.monotonic)
    if (this.#timer === undefined) this.#arm()
  }

  /** As `stamp`, for a message that is sent until it is settled: with the mark that it has, if it goes to the same host again. */
  stampUntilSettled(link: StreamLink, mark: Mark | undefined): OutgoingStamp {
    return mark?.target === this.#target(link) ? this.#order.sending.stampAgain(mark) : this.stamp(link)
  }

  /** As `sent`. Returns the mark that the message has from now on. */
  sentUntilSettled(link: StreamLink, mark: Mark | undefined): Mark {
    const target = this.#target(link)
    if (mark?.target === target) return mark
    if (mark !== undefined) this.#order.sending.settle(mark, false)
    const fresh = this.#order.sending.sentUntilSettled(target, this.#parts.links.turn.monotonic)
    if (this.#timer === undefined) this.#arm()
    return fresh
  }

  /** `confirmed`: its receiver has it. Else it will not be sent there again. */
  settle(mark: Mark, confirmed: boolean): void {
    this.#order.sending.settle(mark, confirmed)
    if (this.#sought) this.#roomy()
  }

  /** For a publication; see `stamp`. */
  stampPublication(): OutgoingStamp {
    return this.#order.sending.stampMany()
  }

  /** It goes to these hosts: for their at-most-once subscriptions, and for their at-least-once ones. */
  published(kind: DestinationKind, topic: string, linked: readonly string[], assured: readonly string[]): void {
    const { sending } = this.#order
    const host = (peer: string): Destination => sending.destination(DestinationKind.host, peer)
    const now = this.#parts.links.turn.monotonic
    sending.published(sending.destination(kind, topic), linked.map(host), assured.map(host), now)
    if (this.#timer === undefined) this.#arm()
  }

  /** A link closed over which messages in order went to the peer. */
  severed(peer: string): void {
    this.#handle({ kind: 'severed', peer })
  }

  // ---- receiving ---------------------------------------------------------------------------------------------------

  /** A message came with a stamp: it is handed out now or later. */
  arrive(stamp: IncomingStamp, { peer, heardAt }: StreamLink, message: Ordered, bytes: number): void {
    this.#admitted(this.#order.arrive(stamp, peer, message, bytes, heardAt, this.#sink), message, heardAt)
  }

  arrivePublication(stamp: IncomingStamp, publication: PublicationSource, message: Ordered, bytes: number): void {
    const now = this.#parts.links.turn.monotonic
    this.#admitted(this.#order.arrivePublication(stamp, publication, message, bytes, now, this.#sink), message, now)
  }

  #admitted(goes: boolean, message: Ordered, now: number): void {
    if (goes) {
      this.#out.hand(message, undefined, true)
      if (this.#order.arrivals.stirred) this.#order.release(now, this.#sink)
    }
    if (this.#timer === undefined) this.#arm()
  }

  // ---- LinkHandler -------------------------------------------------------------------------------------------------

  frame({ peer }: Link, kind: number, body: Uint8Array): void {
    if (kind === Kind.ask || kind === Kind.passed) {
      const said = kind === Kind.ask ? 'ask' : 'passed'
      for (const statement of decodeStatements(body)) this.#handle({ kind: said, peer, statement })
    } else if (kind === Kind.missing) this.#handle({ kind: 'missing', peer, missing: decodeMissing(body) })
    else if (kind === Kind.fill) this.#handle({ kind: 'fill', peer, fill: decodeFill(body) })
    else if (kind === Kind.coming) this.#handle({ kind: 'coming', peer, ...decodeComing(body) })
    else throw new MeshError('ERR_PROTOCOL', `causality: no frame of kind ${kind}`)
  }

  // ---- the machine -------------------------------------------------------------------------------------------------

  #member(event: MembershipEvent): void {
    if (event.kind === 'member-up') this.#gone.delete(event.member.record.peer)
    // Evicted only means that the view is full.
    if (event.kind !== 'member-down' || event.reason === 'evicted') return
    const { peer } = event.member.record
    if (this.#gone.size >= GONE) this.#gone.delete(this.#gone.values().next().value!)
    this.#gone.add(peer)
    this.#handle({ kind: 'gone', peer })
  }

  #handle(input: CausalInput): void {
    if (this.#stopped) return
    this.#order.handle(input, this.#parts.clock.monotonic(), this.#sink)
    if (this.#sought) this.#roomy()
    if (this.#timer === undefined) this.#arm()
  }

  #perform(effect: CausalEffect<Ordered>): void {
    switch (effect.kind) {
      case 'hand':
        this.#out.hand(effect.item, effect.waited, false)
        break
      case 'late':
        this.#out.late(effect.item)
        break
      case 'wait':
        effect.item.wait(effect.crowded)
        break
      case 'gap': {
        const { producer, number, reason } = effect
        this.gaps++
        this.#parts.emit({ kind: 'causal-gap', producer, number, reason })
        break
      }
      default:
        this.#frames.say(effect)
    }
  }

  #arm(): void {
    if (!this.#order.active || this.#stopped) return
    this.#timer = this.#parts.clock.after(TICK, () => {
      this.#timer = undefined
      this.#handle({ kind: 'tick' })
    })
  }

  #roomy(): void {
    if (this.#order.sending.full) return
    this.#sought = false
    this.#room?.resolve()
    this.#room = undefined
    this.onRoom()
  }

  stop(): void {
    this.#stopped = true
    this.#out.stop()
    this.#timer?.cancel()
    this.#unsubscribe()
    this.#room?.resolve()
  }
}
