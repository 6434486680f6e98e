import { MeshError, RemoteError } from '../../protocols/errors.ts'
import type { Member } from '../core/routing/group.ts'
import type { Outcome } from '../core/routing/outcome.ts'
import type { Draft } from '../runtime/delivery/composer.ts'
import { Carrier } from './carrier.ts'
import type { Consignment } from './consignment.ts'
import type { Places } from './ordering/places.ts'
import type { SendingParts } from './sending.ts'
import { WriteAhead, type WriteAheadOwner, type WriteAheadParts, type Writing } from './write-ahead.ts'

export interface AttemptsParts extends SendingParts, WriteAheadParts {
  /** In total order. */
  places: Places
}

/** Whoever decides what comes of an attempt. */
export interface AttemptsOwner {
  /** Somebody may be called: what is for the same may go too. */
  found(consignment: Consignment): void
  /** There is nobody now, for a message that waits for somebody. */
  missed(consignment: Consignment, error: unknown): void
  settle(consignment: Consignment, error: unknown, delay: number | undefined, outcome?: Outcome): void
  /** The attempt failed before anybody was chosen. */
  failed(consignment: Consignment, error: unknown, delay: number | undefined, final: boolean): void
  /** It could not be stored, and so was not accepted. */
  refused(consignment: Consignment, error: unknown): void
}

/** An attempt whose turn has come and whose record is being read, or one of those that wait behind it. */
interface Reading {
  readonly consignment: Consignment
  state: 'reading' | 'ready' | 'failed'
}

/**
 * One attempt to bring a consignment to somebody: who takes it, what has to be on disk before it leaves, and the
 * transmission. Invariants: a durable message leaves after its record, with its number, is on disk, or beside its first
 * (`WriteAhead`); no number leaves that another life could use again; what is exactly-once never leaves under a second number.
 */
export class Attempts implements WriteAheadOwner {
  readonly #parts: AttemptsParts
  readonly #owner: AttemptsOwner
  readonly #carrier: Carrier
  readonly #ahead: WriteAhead
  /** In the order of their turns: who need not be read does not overtake who must. */
  readonly #readings: Reading[] = []

  constructor(parts: AttemptsParts, owner: AttemptsOwner) {
    this.#parts = parts
    this.#owner = owner
    this.#carrier = new Carrier(parts)
    this.#ahead = new WriteAhead(parts, this)
  }

  /** Puts it on disk as it is now. A message that cannot be was not accepted. */
  write(consignment: Consignment): void {
    this.#ahead.write(consignment)
  }

  /** Its attempts outlive this process; nobody waits for that. */
  note(consignment: Consignment): void {
    this.#ahead.note(consignment)
  }

  begin(consignment: Consignment): void {
    if (consignment.state !== 'in-flight') return
    if (consignment.draft === undefined || this.#readings.length > 0) this.#read(consignment)
    else this.#go(consignment)
  }

  #go(consignment: Consignment): void {
    if (consignment.template.group !== undefined && !isPlaced(consignment)) {
      this.#place(consignment)
      return
    }
    const member = this.#choose(consignment)
    if (member === undefined) {
      this.#unresolved(consignment)
      return
    }
    const { router, pointToPoint, order, self } = this.#parts
    const { peer } = member.target.place
    const room = consignment.template.ordering === 'causal' && peer !== self ? order.room() : undefined
    const written = consignment.transmitted && consignment.writes > 0 ? this.#ahead.ended() : undefined
    const wait = written ?? pointToPoint.paused.waitFor(peer, consignment.template.flow) ?? room
    if (wait !== undefined) {
      router.unanswered(member)
      void wait.then(() => this.begin(consignment))
      return
    }
    this.#owner.found(consignment)
    consignment.member = member
    consignment.peer = peer
    router.began(member, consignment.template.attributes.type)
    this.#leave(consignment, peer)
  }

  /** Where no group numbers it the first attempt has failed for good: it was never accepted. */
  #place(consignment: Consignment): void {
    this.#parts.places.take(consignment as Consignment & { draft: Draft }).then(
      () => this.begin(consignment),
      (error: unknown) => {
        const first = consignment.attempts === 1 && !consignment.transmitted
        this.#owner.failed(consignment, error, undefined, first)
      }
    )
  }

  /** Whoever may have handled it already is asked first, where it would recognise it. */
  #choose(consignment: Consignment): Member | undefined {
    const { template, claim, claimedAt, member, transmitted } = consignment
    const { router, links } = this.#parts
    const now = links.turn.monotonic
    const { name, attributes } = template
    // The first attempt, as most of them are.
    if (!transmitted && member === undefined) return router.choose(name, attributes.type, now, consignment.wish)
    const { pin, among, failure, attempts } = consignment
    const wish = among === undefined ? consignment.wish : { ...consignment.wish, coordinated: among }
    const choose = (narrowed: Consignment['wish']) => router.choose(name, attributes.type, now, narrowed)
    if (pin !== undefined) return choose({ ...wish, peer: pin })
    const uncertain = claim !== undefined && transmitted && !(failure instanceof RemoteError)
    if (uncertain && (template.durable || attempts <= 2)) {
      const same = choose({ ...wish, peer: claimedAt })
      if (same !== undefined) return same
    }
    return choose(member === undefined ? wish : { ...wish, avoid: member })
  }

  #read(consignment: Consignment): void {
    const reading: Reading = { consignment, state: 'ready' }
    this.#readings.push(reading)
    if (consignment.draft !== undefined) return
    reading.state = 'reading'
    this.#parts.shelf
      .load(consignment.record)
      .then(
        (draft) => {
          consignment.draft = draft
          reading.state = 'ready'
        },
        (error: unknown) => {
          reading.state = 'failed'
          this.#owner.failed(consignment, error, undefined, (error as MeshError).code !== 'ERR_STORAGE')
        }
      )
      .then(() => this.#advance())
  }

  #advance(): void {
    while (this.#readings.length > 0 && this.#readings[0]!.state !== 'reading') {
      const { consignment, state } = this.#readings.shift()!
      if (state === 'ready' && consignment.state === 'in-flight') this.#go(consignment)
    }
  }

  /** Now, or once what has to be on disk is there. */
  #leave(consignment: Consignment, peer: string): void {
    const { numbers } = this.#parts
    if (consignment.template.numbered && consignment.claimedAt !== peer) {
      this.#abandon(consignment)
      consignment.claim = numbers.for(peer).take()
      consignment.claimedAt = peer
      if (!consignment.transmitted) consignment.coordinated = consignment.member!.coordinated ?? ''
    }
    const { claim, storedClaim, stored, record } = consignment
    const may = claim === undefined || numbers.for(peer).mayLeave(claim)
    // A write that failed leaves the number as unused as it was: what comes after must not take it to be on disk.
    if (record !== '' && !(stored && storedClaim === claim && may)) this.#ahead.send(consignment)
    else if (may) this.carry(consignment)
    else {
      const carry = (): void => this.carry(consignment)
      // Who carries it looks whether its number may leave now.
      numbers.secured(peer).then(carry, carry)
    }
  }

  stored({ consignment, claim, claimedAt }: Writing): void {
    if (consignment.storedClaim !== claim) this.forgetFormer(consignment)
    consignment.storedClaim = claim
    consignment.storedAt = claimedAt
    consignment.kept()
    // It is read again when its turn comes.
    if (!consignment.admitted) consignment.draft = undefined
  }

  unstored({ consignment, waits }: Writing, error: unknown): void {
    const told = consignment.stored && !consignment.gone
    if (waits && !told) this.#carrier.left(consignment)
    // Another that is on its way decides.
    if (consignment.gone || (!told && consignment.writes > 0)) return
    if (told) {
      this.#owner.settle(consignment, error, undefined, 'neutral')
      return
    }
    // A letter that could not be sent again keeps its number.
    if (consignment.replaces === undefined) this.release(consignment)
    else this.#abandon(consignment)
    this.#parts
      .store()
      .write(this.#parts.shelf.removal(consignment))
      .catch(() => {})
    this.#owner.refused(consignment, error)
  }

  carry(consignment: Consignment): void {
    const { peer, claim, template } = consignment
    if (consignment.state !== 'in-flight') {
      this.#carrier.left(consignment)
      return
    }
    const { numbers } = this.#parts
    try {
      if (claim !== undefined && !numbers.for(peer).mayLeave(claim)) throw unsecured()
      consignment.transmitted = true
      const freight = consignment as Consignment & { draft: Draft }
      if (template.group !== undefined) this.#parts.places.tell(freight.draft)
      if (!template.acknowledged) {
        this.#carrier.hand(freight, peer).then(
          () => this.#owner.settle(consignment, undefined, undefined),
          (error: unknown) => this.#owner.settle(consignment, error, undefined)
        )
      } else if (claim === undefined) {
        this.#carrier.carry(freight, peer)
      } else {
        const place = { epoch: numbers.epoch, number: claim.at, floor: numbers.for(peer).floor }
        this.#carrier.carry(freight, peer, place)
      }
    } catch (error) {
      const full = (error as MeshError).code === 'ERR_QUEUE_FULL'
      this.#owner.settle(consignment, error, undefined, full ? 'neutral' : undefined)
    }
  }

  /**
   * Nobody of that name may be called now. A durable message waits until somebody may; of any other, that there is nobody
   * is the answer at the first attempt, and a failed attempt later.
   */
  #unresolved(consignment: Consignment): void {
    const { template, wish, pin, among } = consignment
    const narrowed = pin !== undefined || among !== undefined
    const wanted = narrowed ? { ...wish, peer: pin ?? wish?.peer, coordinated: among } : wish
    this.#parts.resolver.resolve(template.name, template.attributes.type, wanted).then(
      () => this.begin(consignment),
      (error: unknown) => {
        if (consignment.state !== 'in-flight') return
        if (template.durable) {
          this.#owner.missed(consignment, error)
          return
        }
        const first = consignment.member === undefined && consignment.attempts === 1
        this.#owner.failed(consignment, error, undefined, first && (error as MeshError).code !== 'ERR_CIRCUIT_OPEN')
      }
    )
  }

  /** Its number is settled, or was never used. */
  release(consignment: Consignment): void {
    const { claim, claimedAt } = consignment
    if (claim !== undefined) this.#parts.numbers.for(claimedAt).settle(claim)
    this.forgetFormer(consignment)
  }

  /** Another record than the one that had its former number is on disk. */
  forgetFormer({ storedClaim, storedAt }: Consignment): void {
    if (storedClaim !== undefined) this.#parts.numbers.for(storedAt).settle(storedClaim)
  }

  /** It gets another number. The one that its record has must stay in use until the record has the other: a crash goes back to it. */
  #abandon({ claim, claimedAt, storedClaim }: Consignment): void {
    if (claim !== undefined && claim !== storedClaim) this.#parts.numbers.for(claimedAt).settle(claim)
  }

  /** An attempt has ended; see `Carrier`. */
  settled(consignment: Consignment, error: unknown): void {
    this.#carrier.settled(consignment, error)
  }

  /** It is not sent any more, or not soon. */
  forget(consignment: Consignment): void {
    this.#carrier.forget(consignment)
  }

  /** Tells the router how an attempt went. */
  ended(consignment: Consignment, code: string | undefined, error: unknown, outcome: Outcome | undefined): void {
    this.#carrier.ended(consignment, code, error, outcome)
  }
}

/** In total order. */
function isPlaced({ draft }: Consignment): boolean {
  return draft?.extra?.sequence !== undefined
}

function unsecured(): MeshError {
  return new MeshError('ERR_STORAGE', 'the numbers of its receiver cannot be reserved')
}
