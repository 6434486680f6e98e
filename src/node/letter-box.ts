import { StandaloneDecoder } from '../../protocols/envelope/standalone.ts'
import type { WireMessage } from '../../protocols/envelope/wire-message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Claim } from '../core/delivery/numbering.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import { decodeLetter, encodeLetter, type LetterHead } from '../runtime/delivery/letter-record.ts'
import type { Change, Store } from '../runtime/storage/types.ts'
import { nameOf } from './named-sends.ts'
import type { Numbers } from './numbers.ts'

/** What is remembered of a letter while it lies on disk. */
export interface Lying {
  readonly id: string
  readonly record: string
  readonly agent: string
  /** What the message is known by where its sender named it. */
  readonly name: string | undefined
  /** The number that it keeps, so that a replay is recognised: unsettled until it is dropped. */
  readonly claim: Claim | undefined
  readonly peer: string
}

const PREFIX = 'letters/'

/** The dead letters of a node in its store: `letters/<n>`, oldest first, at most `limit`. */
export class LetterBox {
  readonly #store: () => Store
  readonly #numbers: Numbers
  readonly #limit: number
  readonly #decoder = new StandaloneDecoder()
  readonly #lying = new Map<string, Lying>()
  readonly #byName = new Map<string, Lying>()
  /** Of names whose letter somebody has taken, until it is let go. */
  readonly #taken = new Map<string, PromiseWithResolvers<void>>()
  #last = 0

  constructor(store: () => Store, numbers: Numbers, limit: number) {
    this.#store = store
    this.#numbers = numbers
    this.#limit = limit
  }

  get size(): number {
    return this.#lying.size
  }

  async load(unreadable: (record: string, error: unknown) => void): Promise<void> {
    for await (const [record, value] of this.#store().entries(PREFIX)) {
      this.#last = Math.max(this.#last, parseInt(record.slice(PREFIX.length), 16))
      try {
        const { head, message } = decodeLetter(value, this.#decoder)
        const { id, agent, peer, number } = head
        const claim = number === 0 ? undefined : this.#numbers.for(peer).restore(number)
        this.putBack({ id, record, agent, name: nameOf(Draft.of(message.outgoing())), claim, peer })
      } catch (error) {
        unreadable(record, error)
      }
    }
  }

  /**
   * Puts a letter in, and makes the other changes with it, at once or not at all. Returns its id, which is the message's
   * unless another letter has that, and the letters that had to make room. `ERR_STORAGE`.
   */
  async add(
    head: LetterHead,
    draft: Draft,
    claim: Claim | undefined,
    others: readonly Change[]
  ): Promise<{ id: string; gone: Lying[] }> {
    const id = this.#freeId(head.id)
    const record = PREFIX + (++this.#last).toString(16).padStart(14, '0')
    const gone = this.#crowd()
    const { agent, peer } = head
    const lying = { id, record, agent, name: nameOf(draft), claim, peer }
    this.putBack(lying)
    const changes = gone.map((letter): Change => ({ key: letter.record, value: undefined }))
    changes.push(...others, { key: record, value: encodeLetter({ ...head, id }, draft) })
    try {
      await this.#store().write(changes)
    } catch (error) {
      this.#takeOut(lying)
      this.#putBackFirst(gone)
      throw error
    }
    for (const letter of gone) this.#settle(letter)
    return { id, gone }
  }

  /** Those that lie here now, oldest first. */
  lying(agent: string | undefined): Lying[] {
    return [...this.#lying.values()].filter((letter) => agent === undefined || letter.agent === agent)
  }

  /** The letter of a message that its sender named so. */
  named(name: string): Lying | undefined {
    return this.#byName.get(name)
  }

  /** Undefined where it has left meanwhile. `ERR_STORAGE`, `ERR_CORRUPT`. */
  async read({ record }: Lying): Promise<{ head: LetterHead; message: WireMessage } | undefined> {
    const bytes = await this.#store().get(record)
    return bytes === undefined ? undefined : decodeLetter(bytes, this.#decoder)
  }

  /** Of a letter that was taken: resolves when it was sent again, is gone or lies here again. Undefined where none was. */
  taken(name: string): Promise<void> | undefined {
    return this.#taken.get(name)?.promise
  }

  /**
   * Takes it out of reach, not off the disk: whoever takes it removes its record or puts it back, and then lets go of it.
   * `ERR_NO_SUCH_LETTER`.
   */
  take(id: string): Lying {
    const lying = this.#lying.get(id)
    if (lying === undefined)
      throw new MeshError('ERR_NO_SUCH_LETTER', `there is no dead letter ${id}`, { details: { id } })
    this.#takeOut(lying)
    if (lying.name !== undefined) this.#taken.set(lying.name, Promise.withResolvers())
    return lying
  }

  /** Whoever sends the same asks again who has it. */
  letGo({ name }: Lying): void {
    if (name === undefined) return
    this.#taken.get(name)?.resolve()
    this.#taken.delete(name)
  }

  putBack(lying: Lying): void {
    this.#lying.set(lying.id, lying)
    if (lying.name !== undefined) this.#byName.set(lying.name, lying)
  }

  /** They are the oldest again. */
  #putBackFirst(letters: readonly Lying[]): void {
    const younger = [...this.#lying.values()]
    this.#lying.clear()
    for (const letter of [...letters, ...younger]) this.putBack(letter)
  }

  #takeOut(lying: Lying): void {
    const { id, name } = lying
    this.#lying.delete(id)
    if (name !== undefined && this.#byName.get(name) === lying) this.#byName.delete(name)
  }

  /** It is gone for good. `ERR_STORAGE`, `ERR_NO_SUCH_LETTER`. */
  async drop(id: string): Promise<void> {
    const lying = this.take(id)
    try {
      await this.#store().write([{ key: lying.record, value: undefined }])
    } catch (error) {
      this.putBack(lying)
      throw error
    } finally {
      this.letGo(lying)
    }
    this.#settle(lying)
  }

  #settle({ claim, peer }: Lying): void {
    if (claim !== undefined) this.#numbers.for(peer).settle(claim)
  }

  /** Takes out the oldest, so that one more fits. */
  #crowd(): Lying[] {
    const gone: Lying[] = []
    for (const letter of this.#lying.values()) {
      if (this.#lying.size < this.#limit) break
      this.#takeOut(letter)
      gone.push(letter)
    }
    return gone
  }

  /** Agents may give their messages the same ids. */
  #freeId(id: string): string {
    let free = id
    for (let n = 2; this.#lying.has(free); n++) free = `${id}#${n}`
    return free
  }
}
