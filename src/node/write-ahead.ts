import type { Claim } from '../core/delivery/numbering.ts'
import type { Store } from '../runtime/storage/types.ts'
import type { Consignment } from './consignment.ts'
import type { Numbers, Reservation } from './numbers.ts'
import type { Shelf } from './shelf.ts'

export interface WriteAheadParts {
  store: () => Store
  numbers: Numbers
  shelf: Shelf
}

/** Whoever decides what comes of a record. */
export interface WriteAheadOwner {
  /** All that has to be on disk before it leaves is there. */
  carry(consignment: Consignment): void
  stored(writing: Writing): void
  /** `waits`: the attempt at the member that it has waits for it, and ends here where nobody is told. */
  unstored(writing: Writing, error: unknown): void
}

/** A record on its way to disk, as it was when it was written. */
export class Writing {
  readonly consignment: Consignment
  readonly claim: Claim | undefined
  readonly claimedAt: string
  /** Its attempt may begin before it is on disk. */
  readonly early: boolean
  /** An attempt waits for it. */
  waits = false

  constructor(consignment: Consignment, early: boolean) {
    this.consignment = consignment
    this.claim = consignment.claim
    this.claimedAt = consignment.claimedAt
    this.early = early
  }
}

/** What reaches the disk together. */
class Group {
  readonly written: Promise<void>
  /** Resolves when its end was told, whichever it was. */
  readonly ended: Promise<void>
  readonly writings: Writing[] = []
  readonly reservations: Reservation[] = []

  constructor(written: Promise<void>, tell: (group: Group, error?: unknown) => void) {
    this.written = written
    this.ended = written.then(
      () => tell(this),
      (error: unknown) => tell(this, error)
    )
  }
}

/**
 * Puts the records of messages on disk and lets the messages leave, in the order of the writes: after their records, or,
 * what is sent at least once, beside its first, so that disk and network take their time together.
 *
 * Why that keeps every promise: its sender is told 'stored' when it is, as before. A crash before that leaves a message that
 * may have been delivered and that this node does not know: it is not sent again, and since its number lies below a bound
 * that was on disk before it left, no other message ever has it. A write that fails refuses a message that may have been
 * delivered, as a time-out does. So what is exactly-once, was named by its sender or was a letter waits for its record, and
 * so does every attempt after the first (`ended`): a record on disk must not name a number that was given up.
 */
export class WriteAhead {
  readonly #parts: WriteAheadParts
  readonly #owner: WriteAheadOwner
  /** On their way, oldest first. */
  readonly #groups: Group[] = []
  /** Writings that an attempt waits for. */
  #waiting = 0

  constructor(parts: WriteAheadParts, owner: WriteAheadOwner) {
    this.#parts = parts
    this.#owner = owner
  }

  /** Puts it on disk as it is now. Its draft must be here. */
  write(consignment: Consignment): Writing {
    const writing = new Writing(consignment, !consignment.writing && mayLeaveEarly(consignment))
    const group = this.note(consignment)
    consignment.writing = true
    consignment.writes++
    group.writings.push(writing)
    return writing
  }

  /** The same, and then the attempt at the member that it has. */
  send(consignment: Consignment): void {
    const writing = this.write(consignment)
    if (this.#waiting === 0 && this.#mayPrecede(writing)) {
      this.#owner.carry(consignment)
    } else {
      writing.waits = true
      this.#waiting++
    }
  }

  /** Puts it on disk as it is now; nobody hears how that went. */
  note(consignment: Consignment): Group {
    const { store, numbers, shelf } = this.#parts
    const changes = shelf.changes(consignment)
    const { claim, claimedAt } = consignment
    const reservation = claim === undefined ? undefined : numbers.reserve(claimedAt, changes)
    const written = store().write(changes)
    let group = this.#groups.at(-1)
    // What shares an fdatasync shares its promise: nothing is made for each message.
    if (group?.written !== written) this.#groups.push((group = new Group(written, this.#tell)))
    if (reservation !== undefined) group.reservations.push(reservation)
    return group
  }

  /** Resolves when it was told of all that is on its way. */
  ended(): Promise<void> | undefined {
    return this.#groups.at(-1)?.ended
  }

  #mayPrecede({ early, claim, claimedAt }: Writing): boolean {
    return early && claim !== undefined && this.#parts.numbers.for(claimedAt).mayLeave(claim)
  }

  readonly #tell = (group: Group, error?: unknown): void => {
    this.#groups.splice(this.#groups.indexOf(group), 1)
    for (const reservation of group.reservations) {
      if (error === undefined) reservation.done()
      else reservation.failed()
    }
    for (const writing of group.writings) {
      writing.consignment.writes--
      if (error === undefined) this.#owner.stored(writing)
      else this.#owner.unstored(writing, error)
    }
    for (const writing of group.writings) this.#proceed(writing, error === undefined)
    this.#advance()
  }

  /** What waits only for its number, or for those before it, goes on. */
  #advance(): void {
    for (const { writings } of this.#groups) {
      for (const writing of writings) {
        if (writing.waits && !this.#mayPrecede(writing)) return
        this.#proceed(writing, true)
      }
    }
  }

  #proceed(writing: Writing, may: boolean): void {
    if (!writing.waits) return
    writing.waits = false
    this.#waiting--
    if (may) this.#owner.carry(writing.consignment)
  }
}

function mayLeaveEarly({ template, name, resent }: Consignment): boolean {
  return template.delivery === 'at-least-once' && template.acknowledged && name === undefined && !resent
}
