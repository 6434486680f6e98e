import type { AttributeSet } from '../../protocols/envelope/attributes.ts'
import type { WireMessage } from '../../protocols/envelope/wire-message.ts'
import { flowOf } from '../../protocols/point-to-point/codec.ts'
import { PROTOCOL } from '../../protocols/point-to-point/constants.ts'
import type { Diversion } from '../agent/mailbox-options.ts'
import type { Member } from '../core/routing/group.ts'
import { outcomeOf } from '../core/routing/outcome.ts'
import type { Draft } from '../runtime/delivery/composer.ts'
import type { Tracked } from '../runtime/delivery/conversation.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import { LocalInbound } from '../runtime/delivery/local-inbound.ts'
import { restate } from '../runtime/delivery/restate.ts'
import { laneFor, type SendingParts } from './sending.ts'

/** Times that a message is sent on at most, so that full agents which point at each other end. A guess. */
const MOST_HOPS = 8
/** ms of an attempt that says nothing of its time: the specification's. */
const TIMEOUT = 5_000
/** Attribute sets remembered; each is one conversation with one agent that redirects. A guess. */
const KEPT = 1_024

/**
 * Sends on what found no room here. Nothing is kept for it: of an acknowledged message, whatever becomes of the second leg is
 * told on the first, whose sender tries again.
 */
export class Forwarder {
  readonly #parts: SendingParts
  /** By target, then by the set that came: links name a set by its identity. */
  readonly #sets = new Map<string, Map<AttributeSet, AttributeSet>>()
  #kept = 0

  constructor(parts: SendingParts) {
    this.#parts = parts
  }

  /** `instance`: whose mailbox is full. False where nobody else may have the message, or can take it now. */
  redirect(inbound: Inbound, instance: string, to: Diversion): boolean {
    const { router, links, pointToPoint, self } = this.#parts
    const message = inbound.message as WireMessage
    const hops = (message.routing?.hops ?? 0) + 1
    // A key belongs to one member, and what is recognised by its place to one host.
    if (hops > MOST_HOPS || message.routing?.key !== undefined || inbound.place !== undefined) return false
    if (inbound.instance !== undefined) return false
    const name = to.name ?? inbound.target
    const now = links.turn.monotonic
    const full = router.group(inbound.target)?.member(self, instance)
    const wish = { peer: to.peer, instance: to.instance, avoid: full }
    const member = router.choose(name, inbound.timeout === undefined ? undefined : message.type, now, wish)
    if (member === undefined) return false
    const { peer } = member.target.place
    // Where the group is asked, its host chooses the instance, and that may be the full one again.
    const flow = flowOf(name, message.type)
    if (member === full || pointToPoint.paused.waitFor(peer, flow) !== undefined) {
      router.unanswered(member)
      return false
    }
    const draft = restate(message)
    const addressed = to.instance ?? (peer === self ? member.instance : undefined)
    draft.attributes = this.#addressed(message.attributes, name, addressed)
    draft.extra = { ...draft.extra, hops }
    return this.#carry(inbound, draft, member)
  }

  #carry(inbound: Inbound, draft: Draft, member: Member): boolean {
    const { router, links, pointToPoint, composer, self, bus, deliver } = this.#parts
    const { peer } = member.target.place
    const tracked = inbound.timeout === undefined ? undefined : new SecondLeg(inbound, member, this.#parts)
    if (tracked === undefined) router.unanswered(member)
    else router.began(member, inbound.message.type)
    try {
      if (peer === self) {
        // What nobody acknowledges goes on filling its sender's window until there is room for it.
        const window = tracked === undefined ? { leave: () => inbound.done() } : undefined
        const { attempt, peer: from } = inbound
        const message = composer.copied(draft)
        const local = new LocalInbound(message, self, attempt, tracked, pointToPoint.paused, undefined, window, from)
        bus.post(() => deliver(local))
        return true
      }
      const link = links.to(peer, PROTOCOL, laneFor('normal', draft.data))
      composer.translate(draft, composer.formatFor(link))
      if (tracked === undefined) pointToPoint.send(link, draft)
      else pointToPoint.track(link, draft, inbound.attempt, tracked)
    } catch {
      if (tracked !== undefined) router.ended(member, inbound.message.type, 'neutral', links.turn.monotonic)
      return false
    }
    // Of an at-most-once message our part is done.
    if (tracked === undefined) inbound.done()
    return true
  }

  #addressed(set: AttributeSet, target: string, instance: string | undefined): AttributeSet {
    const key = `${instance ?? ''}/${target}`
    let sets = this.#sets.get(key)
    const known = sets?.get(set)
    if (known !== undefined) return known
    if (this.#kept++ >= KEPT) {
      this.#sets.clear()
      this.#kept = 0
      sets = undefined
    }
    if (sets === undefined) this.#sets.set(key, (sets = new Map()))
    // Of the causal order it has had its place here: whoever takes it gets it when it comes.
    const guarantee = set.guarantee && { ...set.guarantee, ordering: 'none' as const }
    const addressed: AttributeSet = { ...set, guarantee, routing: { ...set.routing, target, instance } }
    sets.set(set, addressed)
    return addressed
  }
}

/** The way of an acknowledged message from here on: its end is the end of the way before. */
class SecondLeg implements Tracked {
  readonly timeout: number
  readonly #inbound: Inbound
  readonly #member: Member
  readonly #parts: SendingParts

  constructor(inbound: Inbound, member: Member, parts: SendingParts) {
    this.timeout = inbound.timeout ?? TIMEOUT
    this.#inbound = inbound
    this.#member = member
    this.#parts = parts
  }

  acknowledged(): void {
    this.#ended(undefined)
    this.#inbound.done()
  }

  recognised(): void {
    this.acknowledged()
  }

  failed(error: unknown, delay: number | undefined): void {
    this.#ended((error as { code?: string }).code)
    this.#inbound.refuse(error, delay)
  }

  #ended(code: string | undefined): void {
    const { router, links } = this.#parts
    router.ended(this.#member, this.#inbound.message.type, outcomeOf(code), links.turn.monotonic)
  }
}
