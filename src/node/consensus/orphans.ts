import type { Clock } from '../../runtime/ports.ts'
import type { PlacementRecord } from '../placement/record.ts'

export interface OrphansParts {
  readonly clock: Clock
  /** Whether the host is there and has the agent registered, active or not. */
  mayHave(agent: string, peer: string): boolean
  /** The agent's host has left; told once. */
  lost(agent: string, peer: string): void
}

export type Placements = readonly (readonly [agent: string, record: PlacementRecord])[]

/** ms that a host may have left before its agents go on elsewhere: a restart takes less. A guess. */
const PATIENCE = 10_000

/**
 * Agents that are placed at a host which is on record no more: they go on at another that has them registered, at that with
 * the fewest agents. Whether the host is still away when the group records it, the state machine decides (`Members`).
 */
export class Orphans {
  readonly #parts: OrphansParts
  /** Agents whose host has left: which, and since when by the monotonic clock, as far as this node has led since. */
  readonly #lost = new Map<string, { readonly at: string; readonly since: number }>()

  constructor(parts: OrphansParts) {
    this.#parts = parts
  }

  forget(): void {
    this.#lost.clear()
  }

  /** What is to be put on record now. `hosts`: those on record. */
  look(placements: Placements, hosts: ReadonlySet<string>): object[] {
    const { clock, lost } = this.#parts
    const now = clock.monotonic()
    const orphans = placements.filter(([agent, record]) => this.#isOrphan(agent, record, hosts))
    const names = new Set(orphans.map(([agent]) => agent))
    for (const agent of this.#lost.keys()) if (!names.has(agent)) this.#lost.delete(agent)
    const late: string[] = []
    for (const [agent, { at }] of orphans) {
      const known = this.#lost.get(agent)
      if (known?.at === at) {
        if (now - known.since >= PATIENCE) late.push(agent)
        continue
      }
      this.#lost.set(agent, { at, since: now })
      lost(agent, at)
    }
    return late.length === 0 ? [] : this.#placeAnew(late, placements, hosts)
  }

  /** Whoever was to have it takes it over by itself. */
  #isOrphan(agent: string, { at, to }: PlacementRecord, hosts: ReadonlySet<string>): boolean {
    if (hosts.has(at)) return false
    return to === undefined || !hosts.has(to) || !this.#parts.mayHave(agent, to)
  }

  #placeAnew(agents: readonly string[], placements: Placements, hosts: ReadonlySet<string>): object[] {
    const counts = new Map(Array.from(hosts, (host) => [host, 0]))
    const count = (host: string): number => counts.get(host) ?? 0
    for (const [, { at }] of placements) counts.set(at, count(at) + 1)
    const commands: object[] = []
    for (const agent of agents) {
      const [at] = [...hosts].filter((host) => this.#parts.mayHave(agent, host)).sort((a, b) => count(a) - count(b))
      if (at === undefined) continue
      counts.set(at, count(at) + 1)
      commands.push({ place: agent, at })
    }
    return commands
  }
}
