/**
 * From whom a replica takes what replicas say. Raft itself trusts everybody who speaks (thesis 4.2.2): a member of a configuration
 * that has not come here yet may be the one that brings it. But on a mesh strangers can speak too, and a high term would depose
 * any leader. So who is no member by this node's own log is listened to only where another member has named it as one.
 */
export class Acquaintances {
  readonly #founders: ReadonlySet<string>
  readonly #knows: (peer: string) => boolean
  readonly #self: string
  readonly #listeners = new Set<() => void>()
  #vouched: ReadonlySet<string> = new Set()

  /** `knows`: by this node's log. `founders` count too while the node is no member: nobody relies on what it has, and one of them may take it in. */
  constructor(founders: readonly string[], knows: (peer: string) => boolean, self: string) {
    this.#founders = new Set(founders)
    this.#knows = knows
    this.#self = self
  }

  has(peer: string): boolean {
    if (this.#knows(peer) || this.#vouched.has(peer)) return true
    if (!this.#knows(this.#self) && this.#founders.has(peer)) return true
    for (const listener of this.#listeners) listener()
    return false
  }

  /** The latest word counts. */
  vouchFor(peers: readonly string[]): void {
    this.#vouched = new Set(peers)
  }

  onStranger(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
