import { Cursor } from '../envelope/varint.ts'
import { MeshError } from '../errors.ts'
import { HEAD_SHIFT, Head } from './block.ts'
import { DestinationKind, MAX_CHANGES, MAX_SLOTS } from './constants.ts'
import { type Heard, readDependency } from './dependency.ts'
import type { HeardDependency, IncomingStamp, Keeper } from './messages.ts'

/** The reading end of one direction of one stream, and the stamp that it read last. Every defect throws `ERR_MALFORMED`. */
export class BlockDecoder implements IncomingStamp {
  epoch = 0
  number = 0
  previous = 0
  count = 0
  source: unknown
  repeats = false
  /** 0 also where that one spelled something out for once: nobody repeats it. */
  told = 0
  elsewhere = false
  keeper: Keeper | undefined
  readonly #changes: Heard[] = []
  /** The number of the last message that told anything, and how much the numbers told have grown since they were raised. */
  #toldAt = 0
  #owed = 0
  readonly #slots: (Heard | undefined)[] = []

  read(cursor: Cursor): void {
    const head = cursor.varint()
    this.count = (head - (head % HEAD_SHIFT)) / HEAD_SHIFT
    if (this.count > MAX_CHANGES) throw new MeshError('ERR_MALFORMED', `${this.count} dependencies`)
    if ((head & Head.epoch) !== 0) {
      this.epoch = cursor.varint()
      this.source = undefined
    }
    const last = this.number
    if ((head & Head.numbers) === 0) {
      this.number = last + 1
      this.previous = last
    } else {
      this.number = last + 1 + cursor.signed()
      const back = cursor.varint()
      this.previous = back === 0 ? 0 : this.number - back
    }
    if (this.number < 1 || this.previous < 0 || this.epoch === 0) throw new MeshError('ERR_MALFORMED', 'a stamp')
    this.repeats = (head & Head.repeat) !== 0
    if (this.repeats) this.#repeat()
    else if (this.count > 0) this.#tell(cursor)
  }

  #repeat(): void {
    if (this.count > 0 || this.told === 0) throw new MeshError('ERR_MALFORMED', 'nothing to repeat')
    this.#owed += this.number - this.#toldAt
    this.count = this.told
    this.#toldAt = this.number
  }

  #tell(cursor: Cursor): void {
    this.keeper?.settle()
    const { changes } = this
    this.elsewhere = false
    this.told = this.count
    this.#toldAt = this.number
    for (let i = 0; i < this.count; i++) changes[i] = this.#change(cursor)
  }

  get changes(): HeardDependency[] {
    if (this.#owed !== 0) {
      for (let i = 0; i < this.told; i++) this.#changes[i]!.number += this.#owed
      this.#owed = 0
    }
    return this.#changes
  }

  #change(cursor: Cursor): Heard {
    const code = cursor.varint()
    if (code === 0) {
      this.told = 0
      return readDependency(cursor)
    }
    // Before any bit operation: those see 32 bits, and a slot below 0 would be one without a bound.
    if (code < 2 || code > 2 * MAX_SLOTS + 1) throw new MeshError('ERR_MALFORMED', `a change ${code} is out of bounds`)
    const slot = (code >> 1) - 1
    if (code % 2 === 1) return (this.#slots[slot] = readDependency(cursor))
    const heard = this.#slots[slot]
    if (heard === undefined) throw new MeshError('ERR_MALFORMED', `slot ${slot} holds no dependency`)
    heard.number += cursor.signed()
    return heard
  }
}

/** Throws `ERR_MALFORMED`. */
export function decodeStamp(block: Uint8Array): { kind: DestinationKind; stamp: IncomingStamp } {
  const cursor = new Cursor().open(block)
  const kind = cursor.varint()
  if (kind > DestinationKind.wideBoth) throw new MeshError('ERR_MALFORMED', `a destination of kind ${kind}`)
  const stamp = new BlockDecoder()
  stamp.read(cursor)
  return { kind: kind as DestinationKind, stamp }
}
