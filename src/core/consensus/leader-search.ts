import type { Random } from '../machine.ts'

/** ms between two rounds of asking everybody: so much at first, doubling to the most, half of it by lot. Guesses: a tenth of an election. */
const BACKOFF = { first: 25, most: 100 } as const

export interface SearchParts {
  readonly self: string
  readonly members: readonly string[]
  readonly random: Random
  /** As far as is known: those who may be dead are asked last. */
  isAlive(peer: string): boolean
}

/**
 * Whom a client asks next, until somebody answers as its leader: itself first, where it is a member, then whoever is named
 * as the leader, then the members in turn. Each is asked once a round; a round without success ends in a pause.
 */
export class LeaderSearch {
  readonly #self: string
  readonly #random: Random
  readonly #isAlive: (peer: string) => boolean
  #members: readonly string[]
  #target: string
  /** Asked in this round, in vain. */
  #asked = new Set<string>()
  /** Those of them that did not answer at all: others name them as the leader for a while, and they are passed over for a round. */
  #silent = new Set<string>()
  #rounds = 0
  #found = false

  constructor({ self, members, random, isAlive }: SearchParts) {
    this.#self = self
    this.#random = random
    this.#isAlive = isAlive
    this.#members = members
    this.#target = this.#next() ?? self
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
    if (members.length === 0) return
    this.#members = members
    if (!members.includes(this.#target)) this.#target = this.#next() ?? this.#target
  }

  /** The target did what was asked of it. */
  answered(): void {
    this.#asked.clear()
    this.#silent.clear()
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

  /** The target is not the one. Returns the ms to wait before the next is asked. */
  refused(hint: string | undefined): number {
    this.#asked.add(this.#target)
    this.#found = false
    return hint !== undefined && this.hint(hint) ? 0 : this.#go()
  }

  /** The target does not answer. The same. */
  silent(): number {
    this.#asked.add(this.#target)
    this.#silent.add(this.#target)
    this.#found = false
    return this.#go()
  }

  #go(): number {
    const next = this.#next()
    if (next !== undefined) {
      this.#target = next
      return 0
    }
    this.#asked = this.#silent
    this.#silent = new Set()
    if (this.#members.every((member) => this.#asked.has(member))) this.#asked.clear()
    this.#target = this.#next() ?? this.#self
    const pause = Math.min(BACKOFF.most, BACKOFF.first * 2 ** Math.min(this.#rounds++, 8))
    return pause * (0.5 + this.#random() / 2)
  }

  #next(): string | undefined {
    if (this.#members.includes(this.#self) && !this.#asked.has(this.#self)) return this.#self
    const left = this.#members.filter((member) => !this.#asked.has(member))
    const alive = left.filter(this.#isAlive)
    return alive.length > 0 ? this.#any(alive) : this.#any(left)
  }

  #any(peers: readonly string[]): string | undefined {
    return peers[Math.floor(this.#random() * peers.length)]
  }
}
