import { affinity, hashText } from '../routing/hash.ts'

/**
 * The nodes that share a limit: those that announce it and live, and those that were lost and may only be cut off. A lost
 * one counts until it is forgotten, since behind a partition it may go on with its part.
 */
export class Sharers {
  readonly #self: string
  readonly #key: number
  readonly #forgetAfter: number
  readonly #linger: number
  readonly #live = new Map<string, { used: boolean; hash: number }>()
  /** Monotonic ms until which each that was lost counts. */
  readonly #lost = new Map<string, number>()
  #owner: string

  /** `linger`: ms that who left counts on: as long as its last pledge may hold. */
  constructor(self: string, id: string, forgetAfter: number, linger: number) {
    this.#self = self
    this.#key = hashText(id)
    this.#forgetAfter = forgetAfter
    this.#linger = linger
    this.#live.set(self, { used: false, hash: hashText(self) })
    this.#owner = self
  }

  /** All that count, this node included. */
  get count(): number {
    return this.#live.size + this.#lost.size
  }

  /** Who of those that live owns the limit, as far as known here: by rendezvous hashing, see `../routing/hash.ts`. */
  get owner(): string {
    return this.#owner
  }

  /** The others that live. */
  *others(): Iterable<string> {
    for (const peer of this.#live.keys()) if (peer !== this.#self) yield peer
  }

  has(peer: string): boolean {
    return this.#live.has(peer)
  }

  /** Whether somebody else has pledged its part before, so that the limit is not new. */
  get used(): boolean {
    for (const { used } of this.#live.values()) if (used) return true
    return this.#lost.size > 0
  }

  up(peer: string, used: boolean): void {
    if (peer === this.#self) return
    this.#lost.delete(peer)
    this.#live.set(peer, { used, hash: hashText(peer) })
    this.#elect()
  }

  /** `left`: on its own word, so nothing of it goes on. */
  down(peer: string, left: boolean, now: number): void {
    if (!this.#live.delete(peer)) return
    this.#lost.set(peer, now + (left ? this.#linger : this.#forgetAfter))
    this.#elect()
  }

  forget(now: number): void {
    for (const [peer, until] of this.#lost) if (until <= now) this.#lost.delete(peer)
  }

  #elect(): void {
    let most = -1
    for (const [peer, { hash }] of this.#live) {
      const wish = affinity(this.#key, hash)
      if (wish > most || (wish === most && peer < this.#owner)) {
        most = wish
        this.#owner = peer
      }
    }
  }
}
