import { copyFrom } from '../../protocols/envelope/copy.ts'
import { type ErrorCode, MeshError } from '../../protocols/errors.ts'
import { destinationOf, type Template } from '../agent/templates.ts'
import type { Receipt } from '../agent/types.ts'
import { Dispatch } from '../core/delivery/dispatch.ts'
import { Outbox, type OutboxEffect } from '../core/delivery/outbox.ts'
import { Roster } from '../core/delivery/roster.ts'
import type { Outcome } from '../core/routing/outcome.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import type { Timer } from '../runtime/ports.ts'
import type { Bury } from './at-least-once.ts'
import { Attempts, type AttemptsOwner, type AttemptsParts } from './attempts.ts'
import { Consignment, type Consignor } from './consignment.ts'
import { codeOf, isAway, isFinal, isVoided, stopped, wasUnaccepted, whyGivenUp } from './failures.ts'
import { contentOf, type NamedSends, nameOf } from './named-sends.ts'
import { Removals } from './removals.ts'
import type { SendParticulars } from './sending.ts'

export interface DispatcherParts extends AttemptsParts {
  random: () => number
  limits: { outboxMessages: number; durableTtl: number }
  bury: Bury
  /** Sends that their callers named. */
  names: Pick<NamedSends, 'begin' | 'left' | 'done'>
}

/** Under way at once. Guesses: four times what keeps a link and a disk busy, and what a small machine can spare. */
const WINDOW = { messages: 1_024, bytes: 64 * 2 ** 20 }

/**
 * Brings messages to agents that are more than plainly acknowledged: the driver of `Dispatch`, which says who goes next,
 * and of `Outbox`, which says when again. What is durable is on disk before its sender is told; what is numbered
 * leaves under a number that is reserved on disk, and keeps it.
 */
export class Dispatcher implements Consignor, AttemptsOwner {
  readonly #parts: DispatcherParts
  readonly #attempts: Attempts
  readonly #outbox: Outbox<Consignment>
  readonly #dispatch: Dispatch<Consignment>
  readonly #all = new Roster<Consignment>()
  readonly #removals: Removals
  readonly #sink = { push: (effect: OutboxEffect<Consignment>) => this.#perform(effect) }
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #idle: PromiseWithResolvers<void> | undefined
  /** Outstanding, and those of them that end with this process. */
  #size = 0
  #volatile = 0
  #pumping = false
  #stopped = false

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    this.#attempts = new Attempts(parts, this)
    this.#outbox = new Outbox(parts.random)
    this.#dispatch = new Dispatch(WINDOW, parts.random)
    this.#removals = new Removals(parts.store, parts.clock)
  }

  /** Resolves once nothing is outstanding but what waits on disk for somebody who is not there. */
  drained(): Promise<void> {
    if (this.#resting) return Promise.resolve()
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }

  get #resting(): boolean {
    return this.#volatile === 0 && this.#dispatch.admitted === 0
  }

  /** What is under way ends with its link, all else now: with `ERR_STOPPED`. What is stored goes on in the next life. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timerAt = Number.NEGATIVE_INFINITY
    this.#removals.stop()
    // One error for all: there may be a million.
    const error = stopped()
    for (const consignment of this.#all.values()) {
      if (consignment.state !== 'in-flight') this.#abandon(consignment, error)
    }
  }

  /** An agent of that name is there now: whoever waits for it looks again. */
  wake(agent: string): void {
    this.#dispatch.wake(agent)
    this.#pump()
  }

  // ---- taking ------------------------------------------------------------------------------------------------------

  /** Throws `ERR_NO_DATA_DIR`, `ERR_QUEUE_FULL`. */
  compose(template: Template, data: unknown, particulars: SendParticulars | undefined): Consignment {
    const { composer, links, store, limits } = this.#parts
    if (this.#stopped) throw stopped()
    if (template.durable && !store().durable) {
      throw new MeshError('ERR_NO_DATA_DIR', 'a durable message needs a node with a dataDir')
    }
    if (this.#size >= limits.outboxMessages) {
      throw new MeshError('ERR_QUEUE_FULL', `${this.#size} messages are outstanding (limits.outboxMessages)`)
    }
    const draft = new Draft(template.attributes)
    composer.stamp(draft, template.attributes, particulars)
    composer.encode(draft, data, composer.preferred)
    // What the caller changes later is not sent.
    if (draft.data === data) draft.data = copyFrom(draft.data, 0)
    return this.#consignment(template, draft, links.turn.wall, particulars?.wish)
  }

  /** Takes it: from here on it is delivered, or a dead letter. */
  ship(consignment: Consignment): Promise<Receipt> {
    const { receipt } = consignment
    if (this.#stopped) {
      consignment.reject(stopped())
      return receipt
    }
    if (consignment.template.durable) consignment.record = this.#parts.shelf.key()
    this.#take(consignment)
    this.#pump()
    if (consignment.record !== '' && !consignment.writing) this.#attempts.write(consignment)
    return receipt
  }

  /**
   * One of a former life, or a letter that is sent again: `draft` in full, `accepted` in wall-clock ms. One that was `sent` may
   * have been handled, which its receiver knows: it is asked although the time is up, and refuses what it has not handled.
   */
  restore(template: Template, draft: Draft, accepted: number, sent = false): Consignment {
    const { key } = draft.extra ?? {}
    const { peer, instance } = template
    const wish = key === undefined && peer === undefined && instance === undefined ? undefined : { key, peer, instance }
    return this.#consignment(template, draft, accepted, wish, sent ? template.timeout : 0)
  }

  /** Takes what is on disk already. It is read again when its turn comes. */
  resume(consignments: Iterable<Consignment>): void {
    for (const consignment of consignments) {
      consignment.draft = undefined
      consignment.stored = consignment.writing = true
      this.#take(consignment)
    }
    this.#pump()
  }

  /** `least`: ms that are left for it, whatever its deadline says. */
  #consignment(template: Template, draft: Draft, accepted: number, wish: Consignment['wish'], least = 0): Consignment {
    const { links, transportTo, limits } = this.#parts
    const said = draft.extra?.deadline
    const deadline = said ?? (template.durable ? accepted + limits.durableTtl : Number.POSITIVE_INFINITY)
    const left = deadline - links.turn.wall
    const expires = links.turn.monotonic + Math.max(least, left)
    const consignment = new Consignment(this, transportTo, template, draft, accepted, expires, wish)
    consignment.overdue = left < least
    consignment.name = nameOf(draft)
    if (consignment.name !== undefined) consignment.content = contentOf(draft)
    return consignment
  }

  #take(consignment: Consignment): void {
    this.#size++
    if (!consignment.template.durable) this.#volatile++
    this.#all.add(consignment)
    this.#parts.names.begin(consignment)
    this.#outbox.keep(consignment)
    this.#dispatch.add(consignment)
    this.#arm()
  }

  // ---- effects -----------------------------------------------------------------------------------------------------

  /** Begins what may go now. */
  #pump(): void {
    if (this.#pumping || this.#stopped) return
    this.#pumping = true
    try {
      for (let next = this.#dispatch.next(); next !== undefined; next = this.#dispatch.next()) {
        this.#outbox.begin(next, this.#sink)
      }
    } finally {
      this.#pumping = false
    }
    if (this.#resting) {
      this.#idle?.resolve()
      this.#idle = undefined
    }
    this.#arm()
  }

  #perform(effect: OutboxEffect<Consignment>): void {
    const { parcel } = effect
    switch (effect.kind) {
      case 'transmit':
        if (this.#stopped) this.#abandon(parcel, stopped())
        else this.#attempts.begin(parcel)
        break
      case 'done':
        this.#done(parcel)
        break
      case 'given-up':
        this.#giveUp(parcel, effect.code, effect.error)
        break
    }
  }

  #done(consignment: Consignment): void {
    const { store, names } = this.#parts
    this.#attempts.release(consignment)
    const named = consignment.name === undefined ? undefined : names.done(consignment)
    // A name alone nobody would bring back.
    if (consignment.record !== '') this.#removals.add(consignment.record, named)
    else if (named !== undefined && named.length > 0) void store().write(named).catch(ignored)
    this.#leave(consignment)
    consignment.ended(!consignment.template.acknowledged ? 'sent' : consignment.again ? 'duplicate' : 'delivered')
  }

  /** What was accepted becomes a letter, and its sender hears of it when that is kept. */
  #giveUp(consignment: Consignment, code: ErrorCode | undefined, error: unknown): void {
    const why = whyGivenUp(consignment, code, error)
    this.#leave(consignment)
    const final = code ?? codeOf(error)
    if (!consignment.template.durable && !consignment.resent && wasUnaccepted(final)) {
      this.#attempts.release(consignment)
      consignment.reject(why)
      return
    }
    const { names } = this.#parts
    // Its name is its own until it is a letter: whoever sends the same meanwhile hears of its end.
    names.begin(consignment)
    void this.#parts.bury(consignment, final, why).then((over) => {
      names.left(consignment)
      if (over && consignment.storedClaim !== consignment.claim) this.#attempts.forgetFormer(consignment)
      consignment.reject(over ? why : stopped())
    })
  }

  /** It was never accepted, or another life goes on with it. */
  #abandon(consignment: Consignment, error: unknown): void {
    this.#outbox.discard(consignment)
    this.#leave(consignment)
    consignment.reject(error)
  }

  #leave(consignment: Consignment): void {
    this.#attempts.forget(consignment)
    this.#size--
    if (!consignment.template.durable) this.#volatile--
    this.#all.delete(consignment)
    this.#parts.names.left(consignment)
    this.#dispatch.ended(consignment)
    this.#pump()
  }

  // ---- how it went -------------------------------------------------------------------------------------------------

  found(consignment: Consignment): void {
    this.#dispatch.found(consignment)
  }

  refused(consignment: Consignment, error: unknown): void {
    this.#abandon(consignment, error)
  }

  missed(consignment: Consignment, error: unknown): void {
    const now = this.#parts.clock.monotonic()
    const { agent, pin, wish } = consignment
    consignment.failure = error
    this.#attempts.forget(consignment)
    this.#outbox.handle({ kind: 'withdraw', parcel: consignment }, now, this.#sink)
    if (consignment.stored) consignment.draft = undefined
    this.#dispatch.park(consignment, destinationOf(agent, pin ?? wish?.peer, wish?.instance), now)
    this.#pump()
  }

  recognised(consignment: Consignment): void {
    consignment.again = true
    this.settle(consignment, undefined, undefined)
  }

  settle(consignment: Consignment, error: unknown, delay: number | undefined, outcome?: Outcome): void {
    const code = error === undefined ? undefined : codeOf(error)
    this.#attempts.settled(consignment, error)
    const barred = consignment.template.group !== undefined && !this.#placed(consignment, error)
    this.#attempts.ended(consignment, code, error, outcome)
    if (error === undefined) this.#outbox.acknowledge(consignment, this.#sink)
    else if (this.#stopped) {
      if (!consignment.gone) this.#abandon(consignment, stopped())
    } else this.failed(consignment, error, delay, barred || isFinal(error))
  }

  /** Of a message in total order: false where its place came too late, and it can have no other. */
  #placed(consignment: Consignment, error: unknown): boolean {
    const { draft } = consignment
    const { places } = this.#parts
    if (draft !== undefined && error === undefined) places.acknowledged(draft)
    if (draft === undefined || error === undefined || !isVoided(error)) return true
    consignment.voids++
    return places.voided(draft)
  }

  failed(consignment: Consignment, error: unknown, delay: number | undefined, final: boolean): void {
    if (consignment.state !== 'in-flight') return
    const spared = consignment.template.durable && isAway(error)
    const over = (final && !spared) || (consignment.overdue && codeOf(error) === 'ERR_TTL')
    this.#outbox.handle(
      { kind: 'failed', parcel: consignment, error, delay, final: over, spared },
      this.#parts.clock.monotonic(),
      this.#sink
    )
    if (consignment.stored && consignment.draft !== undefined && !consignment.gone) this.#attempts.note(consignment)
    this.#arm()
  }

  #arm(): void {
    const wakeAt = Math.min(this.#outbox.wakeAt, this.#dispatch.wakeAt)
    if (wakeAt >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = wakeAt
    const { clock } = this.#parts
    this.#timer = clock.after(Math.min(MAX_TIMER, Math.max(0, wakeAt - clock.monotonic())), () => {
      this.#timerAt = Number.POSITIVE_INFINITY
      const now = clock.monotonic()
      this.#outbox.handle({ kind: 'tick' }, now, this.#sink)
      this.#dispatch.tick(now)
      this.#pump()
      this.#arm()
    })
  }
}

const MAX_TIMER = 2 ** 31 - 1

/** That it was sent is told all the same. */
function ignored(): void {}
