import type { Cluster } from './cluster.ts'
import { type Host, TICK } from './host.ts'

/** What befalls a cluster, drawn by lot one after the other, until it clears up. */
export class Weather {
  readonly #cluster: Cluster
  #over = false
  readonly #hasty: boolean

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    const { network, chance, hosts } = cluster
    network.loss = chance.pick([0, 0.02, 0.2])
    network.doubling = chance.pick([0, 0.02, 0.2])
    network.slowest = chance.pick([4, 10, 30])
    const busy = chance.happens(0.3)
    for (const host of hosts) {
      host.slowest = chance.pick([2, 8, 40])
      if (busy) host.pace = chance.pick([TICK, 3 * TICK])
    }
    const pace = chance.pick([20, 60, 150])
    const strike = (): void => {
      if (this.#over) return
      this.#strike()
      cluster.after(chance.between(1, 2 * pace), strike)
    }
    cluster.after(300, strike)
    this.#hasty = chance.happens(0.3)
    if (chance.happens(0.7)) this.#harry(0)
  }

  stop(): void {
    this.#over = true
  }

  #strike(): void {
    const { chance, hosts, network } = this.#cluster
    this.#cluster.faults++
    const host = chance.pick(hosts)
    const kind = chance.below(10)
    if (kind < 3) this.#crash(host)
    else if (kind < 4) this.#crash(...this.#cluster.leaders())
    else if (kind < 5 && chance.happens(0.3)) this.#flap(host, chance.pick(hosts), 4 + chance.below(20))
    else if (kind < 5) this.#isolate(chance.pick([host, ...this.#cluster.leaders()]))
    else if (kind < 6) this.#split()
    else if (kind < 8) network.heal()
    else if (kind < 9) this.#ask(host)
    else this.#crash(...hosts)
  }

  /** What is hardest on a group: a new leader is heard by few, or soon gone (thesis, figure 3.7). */
  #harry(known: number): void {
    if (this.#over) return
    const { chance, hosts, network } = this.#cluster
    const terms = this.#cluster.leaders().map(({ status }) => status!.term)
    for (const host of this.#cluster.leaders()) {
      if (host.status!.term <= known) continue
      this.#cluster.faults++
      if (chance.happens(0.5)) network.heal()
      const both = chance.happens(0.5)
      for (const { id } of hosts) {
        if (id === host.id || chance.happens(0.3)) continue
        network.cut(host.id, id)
        if (both) network.cut(id, host.id)
      }
      if (chance.happens(0.5)) this.#cluster.after(chance.between(1, 60), () => this.#crash(host))
      this.#cluster.after(chance.between(20, 600), () => network.heal())
    }
    // A node that has just voted forgets it more easily than any other.
    const votes = this.#hasty && hosts.some(({ status }) => status?.role === 'candidate')
    if (votes && chance.happens(0.3)) this.#crash(chance.pick(hosts))
    this.#cluster.after(3, () => this.#harry(Math.max(known, ...terms)))
  }

  #crash(...victims: Host[]): void {
    const { chance } = this.#cluster
    for (const host of victims) {
      if (host.raft !== undefined) host.crash()
      this.#cluster.after(chance.between(1, chance.pick([10, 300])), () => {
        if (host.raft === undefined) host.start()
      })
    }
  }

  /** A leader that is busy besides believes for long that it still leads. */
  #isolate(host: Host): void {
    const { chance, hosts, network } = this.#cluster
    const deaf = chance.happens(0.7)
    if (chance.happens(0.5)) host.pace = chance.pick([TICK, 3 * TICK])
    for (const { id } of hosts) {
      network.cut(host.id, id)
      if (deaf) network.cut(id, host.id)
    }
  }

  /** In two, or so that only one side hears the other. */
  #split(): void {
    const { chance, hosts, network } = this.#cluster
    const side = new Set(hosts.filter(() => chance.happens(0.5)))
    const both = chance.happens(0.7)
    for (const a of side) {
      for (const b of hosts) {
        if (side.has(b)) continue
        network.cut(a.id, b.id)
        if (both) network.cut(b.id, a.id)
      }
    }
  }

  /** A link that comes and goes, faster than anybody gives up on it, one way or both. */
  #flap(a: Host, b: Host, times: number): void {
    const { chance, network } = this.#cluster
    if (this.#over || times === 0) return
    if (times % 2 === 1) network.join(a, b)
    else {
      network.cut(a.id, b.id)
      if (chance.happens(0.7)) network.cut(b.id, a.id)
    }
    this.#cluster.after(chance.between(5, 60), () => this.#flap(a, b, times - 1))
  }

  /** What an operator may do, or a driver tell, at any moment. */
  #ask(host: Host): void {
    const { chance, hosts } = this.#cluster
    const other = chance.pick(hosts).id
    const kind = chance.below(5)
    if (kind === 0) host.handle({ kind: 'campaign' })
    else if (kind === 1) host.handle({ kind: 'unreachable', peer: other })
    else if (kind === 2) host.handle({ kind: 'snapshot-status', peer: other, ok: chance.happens(0.5) })
    else for (const leader of this.#cluster.leaders()) this.#transfer(leader, other)
  }

  /** The leader may not hear what comes of it. */
  #transfer(leader: Host, to: string): void {
    const { chance, hosts, network } = this.#cluster
    leader.handle({ kind: 'transfer', to })
    if (chance.happens(0.5)) return
    this.#cluster.after(chance.between(1, 20), () => {
      if (!this.#over) for (const { id } of hosts) network.cut(id, leader.id)
    })
  }
}
