import { SettledReceipt, StoredReceipt } from '../agent/receipt.ts'
import { destinationOf, type Template } from '../agent/templates.ts'
import type { Receipt } from '../agent/types.ts'
import type { Mark } from '../core/causality/destination.ts'
import type { Dispatched } from '../core/delivery/dispatch.ts'
import type { Claim } from '../core/delivery/numbering.ts'
import type { Parcel } from '../core/delivery/outbox.ts'
import type { Enlisted } from '../core/delivery/roster.ts'
import type { Member } from '../core/routing/group.ts'
import type { Wish } from '../core/routing/wish.ts'
import type { Draft } from '../runtime/delivery/composer.ts'
import type { Tracked } from '../runtime/delivery/conversation.ts'

/** Hears how a transmission ended: `error` undefined where it was acknowledged. */
export interface Consignor {
  settle(consignment: Consignment, error: unknown, delay: number | undefined): void
  recognised(consignment: Consignment): void
}

/**
 * A message that is more than plainly acknowledged: it is numbered, stored, has a key or its sender's own id, or ends
 * when a link has taken it.
 *
 * Once it was taken, `Outbox` alone changes `state`, `attempts`, `spared`, `at` and `slot`, `Dispatch` `admitted` and
 * `destination`, `Attempts` its number and its member.
 *
 *     new ──begin──▶ in-flight ──failed──▶ waiting     any ──acknowledged, given up, discarded──▶ settled, for good
 *      ▲              │     ▲                 │
 *      └───withdraw───┘     └──────tick───────┘
 *
 * | state | what goes on | what leads out, besides its end |
 * |---|---|---|
 * | `new` | it stands in line, behind others of its key or for its destination, which may be parked | its turn: `admitted` from here on |
 * | `in-flight` | one attempt: its record is read, somebody is chosen, what has to be on disk is written, it is transmitted | `failed`; `missed`: a durable one that finds nobody is withdrawn, which counts as no attempt, and parked: no longer `admitted` |
 * | `waiting` | the attempt failed, the next is due at `at`; an acknowledgement that comes late still counts | its time |
 * | `settled` | it is done, a letter, rejected, or left to the next life | nothing |
 *
 * Whatever an attempt waits for, it looks at `state` before it goes on: `expires`, `stop` or a late acknowledgement may have
 * settled it meanwhile.
 *
 * A durable one has a `record`: first none on disk, then `writing`, then `stored`, and never back; `writes` counts what is on its
 * way. It is accepted when it is `stored`, and refused where its first write fails. One without a record was not accepted if
 * it ends with a code that says so (`wasUnaccepted`). What was accepted ends delivered or as a letter.
 *
 * Invariants:
 * - `draft` is missing only while it is `stored`; an attempt begins by reading it.
 * - What has a record leaves while `stored` and `storedClaim === claim`, so that the next life knows under which number it
 *   left, or once with its first write (`WriteAhead`): then the next life knows the number, or nothing of the message.
 * - `transmitted` never falls; from then on what is exactly-once keeps `claim` and `claimedAt` (`pin`), unless it went to a
 *   member that knows by a group what the others have handled: then it keeps to members of that group (`coordinated`).
 * - While `claim` and `storedClaim` differ both numbers are in use: a crash goes back to the stored one.
 * - `settled` ends at most once, after it has left the dispatcher, a letter's once that is kept; `receipt` resolves when it is
 *   `stored`, where it is durable, else with the end.
 */
export class Consignment implements Parcel, Tracked, Dispatched, Enlisted {
  readonly template: Template
  readonly wish: Wish | undefined
  readonly agent: string
  /** Wall-clock ms at which it was accepted. */
  readonly accepted: number
  readonly expires: number
  readonly bytes: number
  readonly order: string | undefined
  /** Undefined while it waits on disk. */
  draft: Draft | undefined
  destination: string
  admitted = false
  attempts = 0
  spared = 0
  state: Parcel['state'] = 'new'
  at = 0
  slot = -1
  place = -1
  failure: unknown
  /** Its record in the store; `''` where it has none. */
  record = ''
  /** Its record is on its way to disk, or there. */
  writing = false
  /** Writes of its record that are on their way. */
  writes = 0
  /** The record is on disk. */
  stored = false
  /** What else its record's first write changes: the letter that it was. */
  replaces: string | undefined
  /** It was a dead letter, so it was accepted once: it is delivered or a letter again. */
  resent = false
  /** What it is known by where its sender named it, and what it says: digests. */
  name: string | undefined
  content = ''
  /** Whose number `claim` is. */
  claim: Claim | undefined
  claimedAt = ''
  /** The number that its record on disk has, and whose it is. */
  storedClaim: Claim | undefined
  storedAt = ''
  /** It may have left under its number, in this life or in a former one. */
  transmitted = false
  /** The group by which the member knows what others have handled that the first transmission was for; `''` where none. */
  coordinated = ''
  /** How often its place in total order came too late. */
  voids = 0
  /** Its receiver had handled it before. */
  again = false
  /** Its time was up, or nearly, when a former life left it: it is sent to learn whether it was handled. */
  overdue = false
  /** Who has it now, or had it last. */
  member: Member | undefined
  peer = ''
  /** Its place in the causal order, once it was sent to another host. */
  mark: Mark | undefined
  readonly #consignor: Consignor
  readonly #transportTo: (peer: string) => string
  #end: PromiseWithResolvers<Receipt> | undefined
  #receipt: PromiseWithResolvers<Receipt> | undefined
  /** Its sender has its receipt: it is stored. */
  #told = false

  constructor(
    consignor: Consignor,
    transportTo: (peer: string) => string,
    template: Template,
    draft: Draft,
    accepted: number,
    expires: number,
    wish: Wish | undefined
  ) {
    this.#consignor = consignor
    this.#transportTo = transportTo
    this.template = template
    this.draft = draft
    this.accepted = accepted
    this.expires = expires
    this.wish = wish
    this.agent = template.name
    this.bytes = draft.data.length
    this.destination =
      wish === undefined ? template.destination : destinationOf(template.name, wish.peer, wish.instance)
    // Members that the sender named are apart: one that is away holds up no other's copy of what goes to all.
    this.order = wish?.key === undefined ? undefined : `${this.destination}\0${wish.key}`
  }

  get policy(): Template['policy'] {
    return this.template.policy
  }

  get timeout(): number {
    return this.template.timeout
  }

  get gone(): boolean {
    return this.state === 'settled'
  }

  /** It goes to the host whose number it has, and to no other. */
  get pin(): string | undefined {
    return this.#stays && this.coordinated === '' ? this.claimedAt : undefined
  }

  /** It goes to members that know by this group whether it was handled, and to no others. */
  get among(): string | undefined {
    return this.#stays && this.coordinated !== '' ? this.coordinated : undefined
  }

  get #stays(): boolean {
    return this.transmitted && this.claim !== undefined && this.template.delivery === 'exactly-once'
  }

  // ---- what becomes of a transmission ------------------------------------------------------------------------------

  acknowledged(): void {
    this.#consignor.settle(this, undefined, undefined)
  }

  recognised(): void {
    this.#consignor.recognised(this)
  }

  failed(error: unknown, delay: number | undefined): void {
    this.#consignor.settle(this, error, delay)
  }

  // ---- what its sender hears: nobody, of a message of a former life ---------------------------------------------------

  /** The end. Nobody has to look at it. */
  get settled(): Promise<Receipt> {
    this.#end ??= Promise.withResolvers()
    return this.#end.promise
  }

  /** That it is stored, where it is to be; else the end. */
  get receipt(): Promise<Receipt> {
    const end = this.settled
    if (!this.template.durable) return end
    this.#receipt ??= Promise.withResolvers()
    return this.#receipt.promise
  }

  kept(): void {
    this.stored = true
    const receipt = this.#receipt
    if (receipt === undefined || this.draft === undefined || this.#told) return
    this.#told = true
    const { draft, attempts, claimedAt } = this
    receipt.resolve(new StoredReceipt(draft, attempts, claimedAt, this.#transportTo, this.settled))
  }

  /** It was sent before, and this is what comes of that. */
  joined(receipt: Receipt): void {
    this.#end?.promise.catch(ignored)
    this.#end?.resolve(receipt.settled)
    this.#receipt?.resolve(receipt)
  }

  ended(status: Receipt['status']): void {
    const receipt = new SettledReceipt(this.draft!, status, this.attempts, this.peer, this.#transportTo)
    this.#end?.resolve(receipt)
    if (!this.#told) this.#receipt?.resolve(receipt)
  }

  reject(error: unknown): void {
    this.#end?.promise.catch(ignored)
    this.#end?.reject(error)
    this.#receipt?.reject(error)
  }
}

/** Nobody has to look at how it ended. */
function ignored(): void {}
