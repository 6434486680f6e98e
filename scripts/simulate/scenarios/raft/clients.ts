import type { Cluster } from './cluster.ts'
import type { Host } from './host.ts'

/** Proposals, reads, changes of the group and snapshots, as long as they are not stopped. */
export class Clients {
  readonly #cluster: Cluster
  #over = false

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    const { chance } = cluster
    // Where one entry goes at a time, more of them would still be under way long after the end.
    const pace = cluster.setting.season === 'disputed entry' ? 60 : chance.pick([5, 15, 60])
    this.#often(pace, () => this.#leading((leader) => cluster.propose(leader)))
    this.#often(chance.pick([10, 30]), () => this.#leading((leader) => cluster.read(leader)))
    if (cluster.setting.season === 'mixed')
      this.#often(chance.pick([40, 200, 1_000, 5_000]), () => this.#leading((leader) => this.#change(leader)))
    const kept = chance.pick([0, 3, 20])
    this.#often(chance.pick([50, 300, 2_000]), () => chance.pick(cluster.hosts).compact(kept))
  }

  stop(): void {
    this.#over = true
  }

  #often(pace: number, work: () => void): void {
    if (this.#over) return
    work()
    this.#cluster.after(this.#cluster.chance.between(1, 2 * pace), () => this.#often(pace, work))
  }

  /** Whoever believes to lead is asked, sometimes also who does not. */
  #leading(ask: (host: Host) => unknown): void {
    const { chance, hosts } = this.#cluster
    if (chance.happens(0.05)) ask(chance.pick(hosts))
    for (const leader of this.#cluster.leaders()) ask(leader)
  }

  /** Any voters may follow any others; now and then a change that is none. */
  #change(host: Host): void {
    const { chance, hosts } = this.#cluster
    const ids = chance.shuffled(hosts.map(({ id }) => id))
    const voters = ids.slice(0, 1 + chance.below(ids.length))
    const learners = ids.slice(voters.length - (chance.happens(0.05) ? 1 : 0)).filter(() => chance.happens(0.5))
    host.handle({ kind: 'reconfigure', target: { voters, learners } })
  }
}
