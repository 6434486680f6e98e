import type { Random } from '../machine.ts'

/** ms between two rounds of asking everybody: so much at first, doubling to the most, half of it by lot. Guesses: an election takes 1 to 2 s. */
const BACKOFF = { first: 25, most: 400 } as const

/**
 * Whom a client asks next, until somebody answers as its leader: itself first, where it is a member, then whoever is named
 * as the leader, then the members in turn. Each is asked once a round; a round without success ends in a pause.
 */
export class LeaderSearch {
  readonly #self: string
  readonly #random: Random
  #members: readonly string[]
  #target: string
  /** Asked in this round, in vain. */
  readonly #asked = new Set<string>()
  #rounds = 0
  #found = false

  constructor(self: string, members: readonly string[], random: Random) {
    this.#self = self
    this.#random = random
    this.#members = members
    this.#target = members.includes(self) ? self : members[Math.floor(random() * members.length)]!
  }

  get target(): string {
    return this.#target
  }

  get members(): readonly string[] {
    return this.#members
  }

  /** The target, where it was the one when it was asked last. */
  get found(): string | undefined {
    return this.#found ? this.#target : undefined
  }

  /** The group's members are others now. */
  changed(members: readonly string[]): void {
    if (members.length > 0) this.#members = members
  }

  /** The target did what was asked of it. */
  answered(): void {
    this.#asked.clear()
    this.#rounds = 0
    this.#found = true
  }

  /** Somebody who should know names the leader. Whether that is news. */
  hint(leader: string): boolean {
    if (leader === this.#target || this.#asked.has(leader)) return false
    this.#target = leader
    this.#found = false
    return true
  }

  /** The target is not the one, or does not answer. Returns the ms to wait before the next is asked. */
  failed(hint: string | undefined): number {
    this.#asked.add(this.#target)
    this.#found = false
    if (hint !== undefined && this.hint(hint)) return 0
    const next = this.#next()
    if (next !== undefined) {
      this.#target = next
      return 0
    }
    this.#asked.clear()
    const pause = Math.min(BACKOFF.most, BACKOFF.first * 2 ** Math.min(this.#rounds++, 8))
    // Who named itself or was named last is as good as any to begin with.
    if (hint !== undefined) this.#target = hint
    else this.#target = this.#members[Math.floor(this.#random() * this.#members.length)]!
    return pause * (0.5 + this.#random() / 2)
  }

  #next(): string | undefined {
    if (this.#members.includes(this.#self) && !this.#asked.has(this.#self)) return this.#self
    const left = this.#members.filter((member) => !this.#asked.has(member))
    return left[Math.floor(this.#random() * left.length)]
  }
}
