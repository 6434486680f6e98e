import { NumberedTable } from '../delivery/numbered.ts'
import { fieldsOf, listOf, malformed, textOf } from './malformed.ts'
import { NamedTable } from './named-table.ts'
import { Recency } from './recency.ts'
import { Session } from './session.ts'
import type { Applying } from './types.ts'

/** Sessions that are remembered. A session that does nothing costs about 300 bytes. */
export const MAX_SESSIONS = 10_000

/** UTF-16 units. */
const MOST_NONCE = 64

/**
 * The clients of a group, so that a command that comes twice is done once (thesis 6.3). Whoever was idle longest, counted in
 * entries of the log, is forgotten when there is one too many; what it sends afterwards is refused and never done twice.
 */
export class Sessions {
  readonly #byNumber = new NumberedTable<Session>(0)
  readonly #byNonce = new NamedTable<Session>()
  readonly #recency = new Recency<Session>()

  /**
   * `{ open: nonce }`: the index of the entry that opened it. The same nonce opens no second one, so that a client that lost
   * the answer asks again.
   */
  apply(command: unknown, { index }: Applying): number {
    const nonce = textOf(fieldsOf(command)['open'], 'the nonce')
    if (nonce === '' || nonce.length > MOST_NONCE) throw malformed(`a nonce has 1 to ${MOST_NONCE} characters`)
    const known = this.#byNonce.get(nonce)
    if (known !== undefined) {
      this.#recency.use(known, index)
      return known.number
    }
    this.#add(new Session(index, nonce), index)
    if (this.#byNonce.size > MAX_SESSIONS) this.#expire(this.#recency.oldest!)
    return index
  }

  /** The session, used by the entry `index`. Undefined where it is not known, or not any more. */
  use(number: number, index: number): Session | undefined {
    const session = this.#byNumber.get(number)
    if (session !== undefined) this.#recency.use(session, index)
    return session
  }

  #add(session: Session, index: number): void {
    this.#byNumber.add(session)
    this.#byNonce.set(session.nonce, session)
    this.#recency.add(session, index)
  }

  #expire(session: Session): void {
    this.#byNumber.delete(session.number)
    this.#byNonce.delete(session.nonce)
    this.#recency.delete(session)
  }

  /** From the least recently used on. */
  toData(): unknown[] {
    return Array.from(this.#recency, (session) => session.toData())
  }

  restore(data: unknown): void {
    for (const session of [...this.#recency]) this.#expire(session)
    for (const item of listOf(data, 'the sessions')) {
      const session = Session.fromData(item)
      const known = this.#byNumber.get(session.number) !== undefined || this.#byNonce.get(session.nonce) !== undefined
      if (known) throw malformed('a session twice')
      this.#add(session, session.used)
    }
  }
}
