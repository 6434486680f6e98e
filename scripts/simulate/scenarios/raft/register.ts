import type { Entry, Snapshot } from '../../../../src/core/consensus/types.ts'

/** A state machine whose state is a hash of all that it was told, in order: it differs as soon as anything did. */
export class Register {
  index = 0
  hash = 0x811c9dc5

  static of(snapshot: Snapshot): Register {
    const register = new Register()
    if (snapshot.index === 0) return register
    const [index, hash] = new TextDecoder().decode(snapshot.data).split(' ').map(Number)
    register.index = index!
    register.hash = hash!
    return register
  }

  /** Long enough to go in parts. */
  encode(): Uint8Array {
    return new TextEncoder().encode(`${this.index} ${this.hash} `.padEnd(60))
  }

  apply(entry: Entry): void {
    if (entry.index !== this.index + 1) throw new RangeError(`entry ${entry.index} after ${this.index}`)
    this.index = entry.index
    for (const byte of new TextEncoder().encode(textOf(entry)))
      this.hash = Math.imul(this.hash ^ byte, 0x01000193) >>> 0
  }
}

export function textOf(entry: Entry): string {
  if (entry.kind === 'command') return `${entry.index} ${new TextDecoder().decode(entry.data)}`
  return `${entry.index} ${entry.kind}` + (entry.kind === 'configuration' ? JSON.stringify(entry.configuration) : '')
}
