import type { Entry, Snapshot } from '../../../../src/core/consensus/types.ts'
import { decode } from './commands.ts'

export interface Applied {
  readonly done: boolean
  readonly found: number | null
}

/** A state machine: some keys, and a hash of all that it was told, in order, which differs as soon as anything did. */
export class Register {
  index = 0
  hash = 0x811c9dc5
  readonly #values = new Map<string, number>()

  static of(snapshot: Snapshot): Register {
    const register = new Register()
    if (snapshot.index === 0) return register
    const [index, hash, ...values] = JSON.parse(new TextDecoder().decode(snapshot.data))
    register.index = index
    register.hash = hash
    for (const [key, value] of values) register.#values.set(key, value)
    return register
  }

  /** Long enough to go in parts. */
  encode(): Uint8Array {
    return new TextEncoder().encode(JSON.stringify([this.index, this.hash, ...this.#values]).padEnd(60))
  }

  get(key: string): number | null {
    return this.#values.get(key) ?? null
  }

  /** Whether what was asked was done, and what was there before. */
  apply(entry: Entry): Applied {
    if (entry.index !== this.index + 1) throw new RangeError(`entry ${entry.index} after ${this.index}`)
    this.index = entry.index
    const text = textOf(entry)
    for (let i = 0; i < text.length; i++) this.hash = Math.imul(this.hash ^ text.charCodeAt(i), 0x01000193) >>> 0
    if (entry.kind !== 'command') return { done: true, found: null }
    const [op, key, first, second] = decode(entry.data)
    const found = this.get(key)
    const done = op === 'write' || found === first
    if (done) this.#values.set(key, op === 'write' ? first : second)
    return { done, found }
  }
}

export function textOf(entry: Entry): string {
  if (entry.kind === 'command') return `${entry.index} ${new TextDecoder().decode(entry.data)}`
  return `${entry.index} ${entry.kind}` + (entry.kind === 'configuration' ? JSON.stringify(entry.configuration) : '')
}
