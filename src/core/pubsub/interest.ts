import { CHANNELS } from '../../../protocols/publish-subscribe/constants.ts'
import { validatePattern } from './topic.ts'
import { PatternTrie } from './trie.ts'

/** What a node announces for one pattern, under `subscription/<id>` in the membership view. */
export interface InterestEntry {
  pattern: string
  delivery: 'at-most-once' | 'at-least-once'
  /** Local subscriptions with this pattern. */
  count: number
  /** Send over the link even where a wide channel would do: a subscription there slows its publishers. */
  linked: boolean
}

export interface PeerInterest {
  peer: string
  subscribers: number
  linked: boolean
  /** The wide channels on which the peer says it hears everything. */
  channels: ReadonlySet<number>
}

interface PatternInterest {
  /** Never empty; more than one where a peer announces one pattern under several keys. */
  byPeer: Map<string, InterestEntry[]>
}

interface PeerState {
  entries: Map<string, InterestEntry>
  channels: ReadonlySet<number>
}

const MAX_COUNT = 1_000_000
const NONE: ReadonlySet<number> = new Set()

/** What a peer announced, or undefined where it is nothing that this version understands. */
export function readInterest(value: unknown): InterestEntry | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { pattern, count, linked, delivery } = value as Record<string, unknown>
  if (typeof pattern !== 'string' || typeof count !== 'number') return undefined
  if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT) return undefined
  try {
    validatePattern(pattern)
  } catch {
    return undefined
  }
  const assured = delivery === 'at-least-once'
  return { pattern, delivery: assured ? 'at-least-once' : 'at-most-once', count, linked: linked === true }
}

export function readChannels(value: unknown): ReadonlySet<number> {
  if (!Array.isArray(value) || value.length > CHANNELS) return NONE
  return new Set(value.filter((channel) => Number.isInteger(channel) && channel >= 0 && channel < CHANNELS))
}

/** Which other nodes want which topics, as they announced it. */
export class InterestTable {
  readonly #patterns = new PatternTrie<PatternInterest>()
  readonly #peers = new Map<string, PeerState>()
  readonly #patternsPerPeer: number
  /** Raised by every change. */
  generation = 0

  constructor(patternsPerPeer: number) {
    this.#patternsPerPeer = patternsPerPeer
  }

  get patterns(): number {
    return this.#patterns.size
  }

  /** Whether the peer wants anything. */
  has(peer: string): boolean {
    return (this.#peers.get(peer)?.entries.size ?? 0) > 0
  }

  #peer(peer: string): PeerState {
    let state = this.#peers.get(peer)
    if (state === undefined) this.#peers.set(peer, (state = { entries: new Map(), channels: NONE }))
    return state
  }

  /** Takes what `peer` announced under `key`; undefined withdraws it. False where the peer has too many. */
  set(peer: string, key: string, entry: InterestEntry | undefined): boolean {
    const known = this.#peers.get(peer)?.entries
    const before = known?.get(key)
    if (entry === undefined && before === undefined) return true
    if (entry !== undefined && before === undefined && (known?.size ?? 0) >= this.#patternsPerPeer) return false
    this.generation++
    if (before !== undefined) this.#withdraw(peer, key, before)
    if (entry === undefined) return true
    this.#peer(peer).entries.set(key, entry)
    let pattern = this.#patterns.get(entry.pattern)
    if (pattern === undefined) this.#patterns.set(entry.pattern, (pattern = { byPeer: new Map() }))
    const entries = pattern.byPeer.get(peer)
    if (entries === undefined) pattern.byPeer.set(peer, [entry])
    else entries.push(entry)
    return true
  }

  #withdraw(peer: string, key: string, entry: InterestEntry): void {
    this.#peers.get(peer)?.entries.delete(key)
    const pattern = this.#patterns.get(entry.pattern)
    const entries = pattern?.byPeer.get(peer)
    if (pattern === undefined || entries === undefined) return
    entries.splice(entries.indexOf(entry), 1)
    if (entries.length === 0) pattern.byPeer.delete(peer)
    if (pattern.byPeer.size === 0) this.#patterns.delete(entry.pattern)
  }

  setChannels(peer: string, channels: ReadonlySet<number>): void {
    this.generation++
    this.#peer(peer).channels = channels
  }

  removePeer(peer: string): void {
    const state = this.#peers.get(peer)
    if (state === undefined) return
    this.generation++
    for (const [key, entry] of state.entries) this.#withdraw(peer, key, entry)
    this.#peers.delete(peer)
  }

  /** One element a peer that wants the topic, in a stable order. */
  match(topic: string): PeerInterest[] {
    const found = new Map<string, PeerInterest>()
    for (const { byPeer } of this.#patterns.match(topic, [])) {
      for (const [peer, entries] of byPeer) {
        let known = found.get(peer)
        if (known === undefined) {
          const channels = this.#peers.get(peer)?.channels ?? NONE
          found.set(peer, (known = { peer, subscribers: 0, linked: false, channels }))
        }
        for (const entry of entries) {
          known.subscribers += entry.count
          known.linked ||= entry.linked
        }
      }
    }
    return [...found.values()].sort((a, b) => (a.peer < b.peer ? -1 : 1))
  }
}
