import { equal } from './equality.ts'
import { fieldsOf, listOf, malformed, textOf } from './malformed.ts'
import type { StateMachine } from './types.ts'

/**
 * The state machine of a group that is given no other: values by key, all of them in memory.
 *
 * - `{ put: key, value }` sets it; undefined is no value, so putting that deletes the key.
 * - `{ delete: key }`
 * - `{ compare: key, expected, value }` puts the value where the key's is `expected`, and gives whether it did. Compared is
 *   the data: members of objects and entries of Maps and Sets in whatever order; `expected: undefined` where there is none.
 *
 * Questions: `{ get: key }`, and `{ entries: prefix }`, which gives `[key, value]` pairs in the order of the keys, by UTF-16 unit,
 * and looks at every key for it. Whatever else it is told is `ERR_MALFORMED`. A value may be anything that a message carries.
 *
 * @example
 * const config = await node.consensus('config', { voters, machine: keyValue() })
 * await config.propose('limits.max', 40)
 */
export function keyValue(): KeyValueMachine {
  return new KeyValue()
}

/** What `keyValue` makes. */
export interface KeyValueMachine extends StateMachine {
  readonly kind: 'key-value'
}

export function isKeyValue(machine: StateMachine): machine is KeyValueMachine {
  return machine instanceof KeyValue
}

class KeyValue implements KeyValueMachine {
  readonly kind = 'key-value'
  #values = new Map<string, unknown>()

  apply(command: unknown): boolean | undefined {
    const { put, delete: remove, compare, expected, value } = fieldsOf(command)
    if (typeof put === 'string') this.#put(put, value)
    else if (typeof remove === 'string') this.#values.delete(remove)
    else if (typeof compare === 'string') return this.#compare(compare, expected, value)
    else throw malformed('no command of a key-value machine')
    return undefined
  }

  #put(key: string, value: unknown): void {
    if (value === undefined) this.#values.delete(key)
    else this.#values.set(key, value)
  }

  #compare(key: string, expected: unknown, value: unknown): boolean {
    const same = equal(this.#values.get(key), expected)
    if (same) this.#put(key, value)
    return same
  }

  query(question: unknown): unknown {
    const { get, entries } = fieldsOf(question)
    if (typeof get === 'string') return this.#values.get(get)
    if (typeof entries !== 'string') throw malformed('no question to a key-value machine')
    return [...this.#values].filter(([key]) => key.startsWith(entries)).sort(([a], [b]) => (a < b ? -1 : 1))
  }

  /** `[key, value, key, value …]`; values are replaced and never changed, so a copy of the table is enough. */
  snapshot(): unknown[] {
    const flat: unknown[] = []
    for (const [key, value] of this.#values) flat.push(key, value)
    return flat
  }

  restore(state: unknown): void {
    const flat = listOf(state, 'the values')
    if (flat.length % 2 !== 0) throw malformed('a key without a value')
    const values = new Map<string, unknown>()
    for (let i = 0; i < flat.length; i += 2) values.set(textOf(flat[i], 'a key'), flat[i + 1])
    this.#values = values
  }
}
