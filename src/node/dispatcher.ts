import { copyFrom } from '../../protocols/envelope/copy.ts'
import { MeshError, RemoteError, wasThrown } from '../../protocols/errors.ts'
import type { Template } from '../agent/templates.ts'
import type { Receipt } from '../agent/types.ts'
import { Dispatch } from '../core/delivery/dispatch.ts'
import { Outbox, type OutboxEffect } from '../core/delivery/outbox.ts'
import { Roster } from '../core/delivery/roster.ts'
import type { Member } from '../core/routing/group.ts'
import type { Outcome } from '../core/routing/outcome.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import type { Timer } from '../runtime/ports.ts'
import type { Store } from '../runtime/storage/types.ts'
import type { Bury } from './at-least-once.ts'
import { CALLERS, Carrier, FINAL } from './carrier.ts'
import { Consignment, type Consignor, destinationOf } from './consignment.ts'
import type { Numbers } from './numbers.ts'
import type { SendingParts, SendParticulars } from './sending.ts'
import type { Shelf } from './shelf.ts'
import { bounded } from './waiting.ts'

export interface DispatcherParts extends SendingParts {
  random: () => number
  store: () => Store
  numbers: Numbers
  shelf: Shelf
  limits: { outboxMessages: number; durableTtl: number }
  bury: Bury
}

/** Under way at once. Guesses: four times what keeps a link and a disk busy, and what a small machine can spare. */
const WINDOW = { messages: 1_024, bytes: 64 * 2 ** 20 }

/**
 * Brings messages to agents that are more than plainly acknowledged: the driver of `Dispatch`, which says who goes next,
 * and of `Outbox`, which says when again. What is durable is on disk before it leaves; what is numbered leaves under a
 * number that is on disk, and keeps it.
 */
export class Dispatcher implements Consignor {
  readonly #parts: DispatcherParts
  readonly #carrier: Carrier
  readonly #outbox: Outbox<Consignment>
  readonly #dispatch: Dispatch<Consignment>
  readonly #all = new Roster<Consignment>()
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
    this.#carrier = new Carrier(parts)
    this.#outbox = new Outbox(parts.random)
    this.#dispatch = new Dispatch(WINDOW, parts.random)
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
    for (const consignment of this.#all.values()) {
      if (consignment.state !== 'in-flight') this.#abandon(consignment, stopped())
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
    const { composer, clock, store, limits } = this.#parts
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
    return this.#consignment(template, draft, clock.now(), particulars?.wish)
  }

  /** Takes it: from here on it is delivered, or a dead letter. */
  ship(consignment: Consignment, particulars: SendParticulars | undefined): Promise<Receipt> {
    const { receipt } = consignment
    if (consignment.template.durable) consignment.record = this.#parts.shelf.key()
    this.#take(consignment)
    this.#pump()
    if (consignment.record !== '' && !consignment.writing) void this.#write(consignment)
    return bounded(receipt, this.#parts.clock, particulars)
  }

  /** One of a former life, or a letter that is sent again: `draft` in full, `accepted` in wall-clock ms. */
  restore(template: Template, draft: Draft, accepted: number): Consignment {
    const { key } = draft.extra ?? {}
    const { peer, instance } = template
    const wish = key === undefined && peer === undefined && instance === undefined ? undefined : { key, peer, instance }
    return this.#consignment(template, draft, accepted, wish)
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

  #consignment(template: Template, draft: Draft, accepted: number, wish: Consignment['wish']): Consignment {
    const { clock, transportTo, limits } = this.#parts
    const said = draft.extra?.deadline
    const deadline = said ?? (template.durable ? accepted + limits.durableTtl : Number.POSITIVE_INFINITY)
    const expires = clock.monotonic() + (deadline - clock.now())
    return new Consignment(this, transportTo, template, draft, accepted, expires, wish)
  }

  #take(consignment: Consignment): void {
    this.#size++
    if (!consignment.template.durable) this.#volatile++
    this.#all.add(consignment)
    this.#outbox.handle({ kind: 'keep', parcel: consignment }, this.#parts.clock.monotonic(), this.#sink)
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
        this.#outbox.handle({ kind: 'begin', parcel: next }, this.#parts.clock.monotonic(), this.#sink)
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
        this.#attempt(parcel)
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
    const { numbers, store, shelf } = this.#parts
    if (consignment.claim !== undefined) numbers.for(consignment.claimedAt).settle(consignment.claim)
    const changes = shelf.removal(consignment)
    if (changes.length > 0)
      store()
        .write(changes)
        .catch(() => {})
    this.#leave(consignment)
    consignment.ended(!consignment.template.acknowledged ? 'sent' : consignment.again ? 'duplicate' : 'delivered')
  }

  /** What was accepted becomes a letter, and its sender hears of it when that is kept. */
  #giveUp(consignment: Consignment, code: string | undefined, error: unknown): void {
    const why = code === undefined ? error : whyGivenUp(consignment, code, error)
    this.#leave(consignment)
    const final = code ?? (error as MeshError).code ?? 'ERR_HANDLER'
    if (!consignment.template.durable && CALLERS.has(final)) {
      this.#release(consignment)
      consignment.reject(why)
      return
    }
    void this.#parts.bury(consignment, final, why).then(() => consignment.reject(why))
  }

  /** It was never accepted, or another life goes on with it. */
  #abandon(consignment: Consignment, error: unknown): void {
    this.#outbox.discard(consignment)
    this.#leave(consignment)
    consignment.reject(error)
  }

  #leave(consignment: Consignment): void {
    this.#size--
    if (!consignment.template.durable) this.#volatile--
    this.#all.delete(consignment)
    this.#dispatch.ended(consignment)
    this.#pump()
  }

  #release({ claim, claimedAt }: Consignment): void {
    if (claim !== undefined) this.#parts.numbers.for(claimedAt).settle(claim)
  }

  // ---- one attempt -------------------------------------------------------------------------------------------------

  #attempt(consignment: Consignment): void {
    if (consignment.state !== 'in-flight') return
    if (this.#stopped) {
      this.#abandon(consignment, stopped())
      return
    }
    if (consignment.draft === undefined) {
      this.#load(consignment)
      return
    }
    const member = this.#choose(consignment)
    if (member === undefined) {
      this.#unresolved(consignment)
      return
    }
    const { router, pointToPoint } = this.#parts
    const { peer } = member.target.place
    const wait = pointToPoint.paused.waitFor(peer, consignment.template.flow)
    if (wait !== undefined) {
      router.unanswered(member)
      void wait.then(() => this.#attempt(consignment))
      return
    }
    this.#dispatch.found(consignment)
    consignment.member = member
    consignment.peer = peer
    router.began(member)
    const secured = this.#secure(consignment, peer)
    if (secured === undefined) this.#carry(consignment)
    else void secured.then((may) => may && this.#carry(consignment))
  }

  /** Whoever may have handled it already is asked first, where it would recognise it. */
  #choose({
    template,
    wish,
    pin,
    claim,
    claimedAt,
    member,
    transmitted,
    failure,
    attempts
  }: Consignment): Member | undefined {
    const { router, links } = this.#parts
    const now = links.turn.monotonic
    const choose = (narrowed: Consignment['wish']) => router.choose(template.name, now, narrowed)
    if (pin !== undefined) return choose({ ...wish, peer: pin })
    const uncertain = claim !== undefined && transmitted && !(failure instanceof RemoteError)
    if (uncertain && (template.durable || attempts <= 2)) {
      const same = choose({ ...wish, peer: claimedAt })
      if (same !== undefined) return same
    }
    return choose(member === undefined ? wish : { ...wish, avoid: member })
  }

  #load(consignment: Consignment): void {
    this.#parts.shelf.load(consignment.record).then(
      (draft) => {
        consignment.draft = draft
        this.#attempt(consignment)
      },
      (error: unknown) => this.#failed(consignment, error, undefined, (error as MeshError).code !== 'ERR_STORAGE')
    )
  }

  /** Undefined where it may leave now; else it resolves with whether it may, once what has to be on disk is there. */
  #secure(consignment: Consignment, peer: string): Promise<boolean> | undefined {
    const { numbers } = this.#parts
    let changed = false
    if (consignment.template.numbered && consignment.claimedAt !== peer) {
      // The number it had elsewhere is abandoned.
      this.#release(consignment)
      consignment.claim = numbers.for(peer).take()
      consignment.claimedAt = peer
      changed = true
    }
    if (consignment.record !== '') return changed || !consignment.stored ? this.#write(consignment) : undefined
    const { claim } = consignment
    if (claim === undefined || numbers.for(peer).mayLeave(claim)) return undefined
    return numbers
      .secured(peer)
      .then(
        () => numbers.for(peer).mayLeave(claim),
        () => false
      )
      .then((may) => {
        if (!may) this.settle(consignment, unsecured(), undefined, 'neutral')
        return may
      })
  }

  /** Puts it on disk as it is now. A message that cannot be was not accepted. */
  #write(consignment: Consignment): Promise<boolean> {
    consignment.writing = true
    return this.#parts.shelf.write(consignment).then(
      () => {
        consignment.kept()
        // It is read again when its turn comes.
        if (!consignment.admitted) consignment.draft = undefined
        return true
      },
      (error: unknown) => {
        if (consignment.gone) return false
        if (consignment.stored) this.settle(consignment, error, undefined, 'neutral')
        else {
          // A letter that could not be sent again keeps its number.
          if (consignment.replaces === undefined) this.#release(consignment)
          this.#parts
            .store()
            .write(this.#parts.shelf.removal(consignment))
            .catch(() => {})
          this.#abandon(consignment, error)
        }
        return false
      }
    )
  }

  #carry(consignment: Consignment): void {
    const { member, peer, claim, template } = consignment
    if (consignment.state !== 'in-flight') {
      if (member !== undefined) this.#parts.router.ended(member, 'neutral', this.#parts.links.turn.monotonic)
      return
    }
    consignment.transmitted = true
    try {
      const freight = consignment as Consignment & { draft: Draft }
      if (!template.acknowledged) {
        this.#carrier.hand(freight, peer).then(
          () => this.settle(consignment, undefined, undefined),
          (error: unknown) => this.settle(consignment, error, undefined)
        )
      } else if (claim === undefined) {
        this.#carrier.carry(freight, peer)
      } else {
        const { numbers } = this.#parts
        const place = { epoch: numbers.epoch, number: claim.at, floor: numbers.for(peer).floor }
        this.#carrier.carry(freight, peer, place)
      }
    } catch (error) {
      const full = (error as MeshError).code === 'ERR_QUEUE_FULL'
      this.settle(consignment, error, undefined, full ? 'neutral' : undefined)
    }
  }

  /**
   * Nobody of that name may be called now. A durable message waits until somebody may; of any other, that there is nobody
   * is the answer at the first attempt, and a failed attempt later.
   */
  #unresolved(consignment: Consignment): void {
    const { template, wish, pin } = consignment
    const wanted = pin === undefined ? wish : { ...wish, peer: pin }
    this.#parts.resolver.resolve(template.name, wanted).then(
      () => this.#attempt(consignment),
      (error: unknown) => {
        if (consignment.state !== 'in-flight') return
        if (template.durable) {
          this.#park(consignment, error)
          return
        }
        const first = consignment.member === undefined && consignment.attempts === 1
        this.#failed(consignment, error, undefined, first && (error as MeshError).code !== 'ERR_CIRCUIT_OPEN')
      }
    )
  }

  #park(consignment: Consignment, error: unknown): void {
    const now = this.#parts.clock.monotonic()
    const { agent, pin, wish } = consignment
    consignment.failure = error
    this.#outbox.handle({ kind: 'withdraw', parcel: consignment }, now, this.#sink)
    if (consignment.stored) consignment.draft = undefined
    this.#dispatch.park(consignment, destinationOf(agent, pin ?? wish?.peer, wish?.instance), now)
    this.#pump()
  }

  // ---- how it went -------------------------------------------------------------------------------------------------

  recognised(consignment: Consignment): void {
    consignment.again = true
    this.settle(consignment, undefined, undefined)
  }

  settle(consignment: Consignment, error: unknown, delay: number | undefined, outcome?: Outcome): void {
    const code = error === undefined ? undefined : ((error as MeshError).code ?? 'ERR_HANDLER')
    const { member } = consignment
    if (member !== undefined) this.#carrier.ended(member, code, error, outcome)
    if (error === undefined) this.#outbox.acknowledge(consignment, this.#sink)
    else if (this.#stopped) {
      if (!consignment.gone) this.#abandon(consignment, stopped())
    } else this.#failed(consignment, error, delay, FINAL.has(code ?? '') && !wasThrown(error))
  }

  #failed(consignment: Consignment, error: unknown, delay: number | undefined, final: boolean): void {
    if (consignment.state !== 'in-flight') return
    const spared = consignment.template.durable && isAway(error)
    this.#outbox.handle(
      { kind: 'failed', parcel: consignment, error, delay, final: final && !spared, spared },
      this.#parts.clock.monotonic(),
      this.#sink
    )
    // Its attempts outlive this process; nobody waits for that.
    if (consignment.stored && consignment.draft !== undefined && !consignment.gone) void this.#note(consignment)
    this.#arm()
  }

  async #note(consignment: Consignment): Promise<void> {
    await this.#parts.shelf.write(consignment).catch(() => {})
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

/** Codes that say that the receiver is away or cannot take anything now: no handler has failed. */
const AWAY = new Set([
  ...['ERR_NO_RESPONDERS', 'ERR_CIRCUIT_OPEN', 'ERR_PEER_UNREACHABLE', 'ERR_LINK_CLOSED', 'ERR_BACKPRESSURE'],
  ...['ERR_QUEUE_FULL', 'ERR_STORAGE', 'ERR_STOPPED']
])

/** Also where nothing was heard of it: a handler that takes too long is refused by its host. */
function isAway(error: unknown): boolean {
  const { code } = error as MeshError
  if (wasThrown(error)) return false
  return AWAY.has(code) || (code === 'ERR_TIMEOUT' && !(error instanceof RemoteError))
}

function unsecured(): MeshError {
  return new MeshError('ERR_STORAGE', 'the numbers of its receiver cannot be reserved')
}

function stopped(): MeshError {
  return new MeshError('ERR_STOPPED', 'the node is stopped')
}

function whyGivenUp({ attempts, template }: Consignment, code: string, cause: unknown): MeshError {
  const expired = code === 'ERR_TTL'
  const text = expired ? 'its time to live has passed' : `${attempts} attempts failed`
  const message = `${template.name} has not acknowledged: ${text}`
  return new MeshError(expired ? 'ERR_TTL' : 'ERR_MAX_RETRIES', message, { cause, details: { attempts } })
}
