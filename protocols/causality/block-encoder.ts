import { MAX_VARINT, writeSigned, writeVarint } from '../envelope/varint.ts'
import { HEAD_SHIFT, Head } from './block.ts'
import { type DestinationKind, LOG_SIZE } from './constants.ts'
import { boundOf, writeDependency } from './dependency.ts'
import type { ChangeLog, HeldDependency, OutgoingStamp } from './messages.ts'

/** The writing end of one direction of one stream. */
export class BlockEncoder {
  readonly #owners: (HeldDependency | undefined)[] = []
  readonly #numbers: number[] = []
  /** What the stamp that was measured last tells, in the first `#count` places. */
  #changes: HeldDependency[] = []
  #count = 0
  /** It tells what the last one told, and all numbers grew by as much as the message's own. */
  #repeats = false
  /** What the last stamp told that told anything, in the first `#toldCount` places, and its message's number. */
  #told: HeldDependency[] = []
  readonly #toldSlots: number[] = []
  #toldCount = 0
  #toldAt = 0
  /** By so much more were the numbers of these raised than `#numbers` has. */
  #owed = 0
  /** What it tells is all that changed since the stamp before, each of it once. */
  #whole = false
  /** Of the sender's log: what stands before this was told here; the last stamp told just the last so many changes, if not 0. */
  #seen = 0
  #span = 0
  #last = 0
  #epoch = 0

  /** How many bytes `write` may need at most. Must precede each `write`. */
  measure({ dependencies, log, number, own, again }: OutgoingStamp): number {
    const raise = number - this.#toldAt
    const since = log === undefined ? Number.POSITIVE_INFINITY : log.count - this.#seen
    if (log !== undefined && this.#steady(log, raise)) {
      this.#repeats = true
      this.#count = 0
      return 4 * MAX_VARINT
    }
    this.#settle()
    this.#repeats = again.length === 0
    this.#count = 0
    let size =
      since <= Math.min(dependencies.length, LOG_SIZE)
        ? this.#recent(log!, own, raise)
        : this.#all(dependencies, own, raise)
    if (this.#count !== this.#toldCount || this.#count === 0) this.#repeats = false
    for (let i = 0; i < again.length; i++) size += boundOf(again[i]!)
    return size
  }

  /**
   * Whether what changed is what changed before the last stamp, all raised alike: to be seen without a look at any of it,
   * where each of as many changes came after just as many.
   */
  #steady({ count, steady, period, growth }: ChangeLog, raise: number): boolean {
    const span = count - this.#seen
    return span > 0 && span === this.#span && steady >= span && period === span && growth === raise
  }

  /** Notes what changed since the last stamp. Returns the bytes that it needs at most. */
  #recent({ count, ring }: ChangeLog, own: HeldDependency | undefined, raise: number): number {
    let size = 4 * MAX_VARINT
    let owns = 0
    for (let i = this.#seen; i < count; i++) {
      const dependency = ring[i & (LOG_SIZE - 1)]!
      // A later change stands for an earlier one, and what is not held any longer for nothing.
      if (dependency.changed !== i || dependency.slot < 0) continue
      if (dependency === own) owns++
      else size += this.#note(dependency, raise)
    }
    this.#whole = this.#count + owns === count - this.#seen
    return size
  }

  #all(dependencies: readonly HeldDependency[], own: HeldDependency | undefined, raise: number): number {
    let size = 4 * MAX_VARINT
    for (let i = 0; i < dependencies.length; i++) {
      const dependency = dependencies[i]!
      if (dependency !== own) size += this.#note(dependency, raise)
    }
    this.#whole = false
    return size
  }

  #settle(): void {
    if (this.#owed === 0) return
    for (let i = 0; i < this.#toldCount; i++) this.#numbers[this.#toldSlots[i]!]! += this.#owed
    this.#owed = 0
  }

  /** Notes a dependency that may be new on this stream. Returns the bytes that it needs at most. */
  #note(dependency: HeldDependency, raise: number): number {
    const { slot, number } = dependency
    const defined = this.#owners[slot] === dependency
    const raised = defined ? number - this.#numbers[slot]! : Number.NaN
    if (raised === 0) return 0
    const at = this.#count++
    this.#changes[at] = dependency
    if (raised !== raise || this.#told[at] !== dependency || this.#toldSlots[at] !== slot) this.#repeats = false
    return defined ? 2 * MAX_VARINT : boundOf(dependency)
  }

  /** Returns the position behind the block. */
  write(out: Buffer, start: number, { epoch, log, number, previous, again }: OutgoingStamp): number {
    const numbers = number !== this.#last + 1 || previous !== this.#last
    const life = epoch !== this.#epoch
    const repeats = this.#repeats
    const changes = repeats ? 0 : this.#count + again.length
    const flags = (life ? Head.epoch : 0) + (numbers ? Head.numbers : 0) + (repeats ? Head.repeat : 0)
    let at = writeVarint(out, start, changes * HEAD_SHIFT + flags)
    if (life) {
      at = writeVarint(out, at, epoch)
      this.#epoch = epoch
    }
    if (numbers) {
      at = writeSigned(out, at, number - this.#last - 1)
      at = writeVarint(out, at, previous === 0 ? 0 : number - previous)
    }
    this.#last = number
    this.#span = this.#whole && log !== undefined && (changes > 0 || repeats) ? log.count - this.#seen : 0
    if (log !== undefined) this.#seen = log.count
    if (repeats) {
      this.#owed += number - this.#toldAt
      this.#toldAt = number
    } else if (changes > 0) {
      for (let i = 0; i < this.#count; i++) at = this.#tell(out, at, this.#changes[i]!)
      for (let i = 0; i < again.length; i++) at = writeDependency(out, writeVarint(out, at, 0), again[i]!)
      this.#remember(number, again.length === 0 ? this.#count : 0)
    }
    return at
  }

  /** What was told with the message of that number may be repeated by the next. */
  #remember(number: number, count: number): void {
    for (let i = 0; i < count; i++) this.#toldSlots[i] = this.#changes[i]!.slot
    const former = this.#told
    this.#told = this.#changes
    this.#changes = former
    this.#toldCount = count
    this.#toldAt = number
  }

  #tell(out: Buffer, start: number, dependency: HeldDependency): number {
    const { slot, number } = dependency
    let at = start
    if (this.#owners[slot] === dependency) {
      at = writeVarint(out, at, 2 * slot + 2)
      at = writeSigned(out, at, number - this.#numbers[slot]!)
    } else {
      at = writeDependency(out, writeVarint(out, at, 2 * slot + 3), dependency)
      this.#owners[slot] = dependency
    }
    this.#numbers[slot] = number
    return at
  }
}

/** A stamp that stands alone, of bytes that are sent to many: first by which ways they go. */
export function encodeStamp(kind: DestinationKind, stamp: OutgoingStamp): Uint8Array {
  const encoder = new BlockEncoder()
  const out = Buffer.allocUnsafe(1 + encoder.measure(stamp))
  out[0] = kind
  return out.subarray(0, encoder.write(out, 1, stamp))
}
