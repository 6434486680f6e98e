import { MeshError } from '../../../protocols/errors.ts'
import { Generations } from './generations.ts'
import { fieldsOf, listOf, malformed, textOf, wholeOf } from './malformed.ts'
import type { Applying, StateMachine } from './types.ts'

/** Of all keys together. A counter is never forgotten: its key would begin again. About 100 bytes each. */
const MOST_KEYS = 1_048_576
/** Ids that came last, of all keys together. */
export const REMEMBERED_IDS = 65_536

/**
 * One order for all that is said under a key: `{ next: key, id, data }` gives its number, from 1 on and without a gap. The same
 * id takes none, and is told by `{ again: number }` which it had, while no more than 65,536 others came after it; a session
 * recognises what comes sooner anyway. `data` is not kept: who follows the log reads it there, and knows by its number what it
 * has had; who missed some of it, by the snapshot, of which keys and up to which number.
 *
 * Questions: `{ last: key }`, 0 where nothing was said, and `{ number: key, id }`, undefined where that is not known.
 */
export class Sequences implements StateMachine {
  #last = new Map<string, Last>()
  readonly #ids = new Generations(REMEMBERED_IDS)

  apply(command: unknown, { index }: Applying): number | Again {
    const { next, id } = fieldsOf(command)
    if (typeof next !== 'string') throw malformed('no command to sequences')
    const name = nameOf(next, textOf(id, 'the id'))
    const known = this.#ids.get(name)
    if (known !== undefined) return { again: known }
    const last = this.#last.get(next)
    if (last === undefined && this.#last.size >= MOST_KEYS) throw new MeshError('ERR_LIMIT', `${MOST_KEYS} sequences`)
    const number = (last?.number ?? 0) + 1
    this.#last.set(next, { number, index })
    this.#ids.add(name, number)
    return number
  }

  query(question: unknown): unknown {
    const { last, number, id } = fieldsOf(question)
    if (typeof last === 'string') return this.#last.get(last)?.number ?? 0
    if (typeof number === 'string') return this.#ids.get(nameOf(number, textOf(id, 'the id')))
    throw malformed('no question to sequences')
  }

  /** The ids, and of each key `key, number, index` of what was said last. */
  snapshot(): unknown[] {
    const flat: unknown[] = [this.#ids.toData()]
    for (const [key, { number, index }] of this.#last) flat.push(key, number, index)
    return flat
  }

  restore(state: unknown): void {
    const flat = listOf(state, 'the sequences')
    this.#ids.restore(flat[0])
    this.#last = new Map()
    for (const { key, number, index } of lastOf(flat)) this.#last.set(key, { number, index })
  }
}

/** What `next` gives for an id that has its number already. */
export interface Again {
  readonly again: number
}

interface Last {
  readonly number: number
  /** Of its entry in the log. */
  readonly index: number
}

/** What was said last under each key, of a snapshot. Throws `ERR_MALFORMED`. */
export function* lastOf(state: unknown): Generator<Last & { readonly key: string }> {
  const flat = listOf(state, 'the sequences')
  for (let i = 1; i < flat.length; i += 3) {
    const number = wholeOf(flat[i + 1], 'the last of a key', 1)
    yield { key: textOf(flat[i], 'a key'), number, index: wholeOf(flat[i + 2], 'its index', 1) }
  }
}

/** No other key and id have the same. */
function nameOf(key: string, id: string): string {
  return `${key.length} ${key}${id}`
}
