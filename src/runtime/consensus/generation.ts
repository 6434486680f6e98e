import { createHash } from 'node:crypto'
import { MeshError } from '../../../protocols/errors.ts'
import type { Disk } from '../ports.ts'
import { storageError } from '../storage/failure.ts'
import type { Store } from '../storage/types.ts'
import { corrupt } from './records.ts'

/** Bytes of a mark at most: a number and the group's name. */
const MAX_BYTES = 4_096

/**
 * How often this host has taken up a group. It stands in the store and, a moment later, in a mark beside it, so a store
 * that tells less than the mark has been lost, or is an older copy: votes and entries that the others count on are gone,
 * and nothing in the store itself would show it.
 */
export class Generation {
  readonly #store: Store
  readonly #marks: Disk | undefined
  readonly #group: string
  readonly #key: string
  readonly #file: string

  /** Without `marks` nothing is noticed, and `key` is not written. */
  constructor(store: Store, marks: Disk | undefined, group: string, key: string) {
    this.#store = store
    this.#marks = marks
    this.#group = group
    this.#key = key
    // A group's name may be longer than a file's.
    this.#file = createHash('sha256').update(group).digest('hex').slice(0, 32)
  }

  /** Rejects with `ERR_CORRUPT` where the store has forgotten the group, or how much it knew of it; `ERR_STORAGE`. */
  async check(): Promise<void> {
    if (this.#marks === undefined) return
    const [stored, marked] = await Promise.all([this.#stored(), this.#marked(this.#marks)])
    if (stored >= marked) return
    const what = stored === 0 ? 'is lost' : 'is an older copy'
    throw new MeshError(
      'ERR_CORRUPT',
      `what this host promised as a member of the group ${this.#group} ${what}: another member has to take it out ` +
        '(changeVoters), and it comes back as a new host, with an empty dataDir',
      { details: { group: this.#group, key: 'dataDir', stored, marked } }
    )
  }

  /** The store first: a crash in between leaves a mark that tells less, which says nothing. */
  async advance(): Promise<void> {
    if (this.#marks === undefined) return
    const next = (await this.#stored()) + 1
    await this.#store.write([{ key: this.#key, value: Buffer.from(String(next)) }])
    await this.#mark(this.#marks, next)
  }

  async #stored(): Promise<number> {
    const value = await this.#store.get(this.#key)
    return value === undefined ? 0 : numberOf(Buffer.from(value).toString())
  }

  async #marked(marks: Disk): Promise<number> {
    try {
      // To open a file makes it.
      if (!(await marks.list()).includes(this.#file)) return 0
      const file = await marks.open(this.#file)
      try {
        return numberOf(Buffer.from(await file.read(0, MAX_BYTES)).toString())
      } finally {
        await file.close()
      }
    } catch (cause) {
      throw storageError(`the mark of the group ${this.#group} cannot be read`, cause)
    }
  }

  async #mark(marks: Disk, number: number): Promise<void> {
    const aside = `${this.#file}.new`
    try {
      const file = await marks.open(aside)
      try {
        await file.truncate(0)
        // The name is for people.
        await file.write(Buffer.from(`${number} ${this.#group}\n`), 0)
        await file.sync()
      } finally {
        await file.close()
      }
      await marks.rename(aside, this.#file)
      await marks.sync()
    } catch (cause) {
      throw storageError(`the mark of the group ${this.#group} cannot be written`, cause)
    }
  }
}

function numberOf(text: string): number {
  const number = Number(/^\d+/.exec(text)?.[0] ?? Number.NaN)
  if (!Number.isSafeInteger(number)) throw corrupt('a mark that cannot be read')
  return number
}
