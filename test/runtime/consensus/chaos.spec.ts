import assert from 'node:assert/strict'
import { seededDice } from '../../../src/testing/dice.ts'
import { Cluster } from './group.ts'

const HOSTS = 5
/** ms of virtual time with faults. */
const STORM = 20_000
/** More of them now and then: `CHAOS_SEEDS=200 mocha …`. */
const SEEDS = Number(process.env['CHAOS_SEEDS'] ?? 6)

/** Lines proposed by whoever believes to lead, while hosts die, are cut off, take snapshots, hand over and have slow or failing disks. */
class Storm {
  readonly cluster: Cluster
  /** Lines that were committed, by index: what nobody may forget. */
  readonly told = new Map<number, string>()
  readonly #random: () => number
  readonly #down = new Set<number>()
  #proposed = 0

  constructor(cluster: Cluster, seed: number) {
    this.cluster = cluster
    this.#random = seededDice(`storm ${seed}`).random
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n)
  }

  propose(): void {
    for (const [i, host] of this.cluster.hosts.entries()) {
      if (this.#down.has(i) || host.role !== 'leader') continue
      const line = `line ${this.#proposed++}`
      host.replica.propose(Buffer.from(line)).then(
        ({ index }) => {
          const known = this.told.get(index) ?? line
          assert.equal(known, line)
          this.told.set(index, line)
        },
        () => {}
      )
    }
  }

  async fault(): Promise<void> {
    const { cluster } = this
    const i = this.#below(HOSTS)
    const host = cluster.hosts[i]!
    switch (this.#below(8)) {
      case 0:
      case 1:
        if (this.#down.has(i)) await this.#restart(i)
        else this.#crash(i)
        break
      case 2:
        cluster.world.cut(host.label, cluster.hosts[this.#below(HOSTS)]!.label)
        break
      case 3:
        this.#heal()
        break
      case 4:
        if (!this.#down.has(i)) host.replica.snapshot().catch(() => {})
        break
      case 5:
        if (!this.#down.has(i)) host.replica.transfer().catch(() => {})
        break
      case 6:
        cluster.disk(i).conditions.syncLatency = this.#random() < 0.5 ? [0.2, 2] : [5, 80]
        break
      case 7:
        cluster.disk(i).conditions.syncFailure = this.#random() < 0.7 ? 0 : 0.01
        break
    }
  }

  #crash(i: number): void {
    this.#down.add(i)
    this.cluster.crash(i)
  }

  async #restart(i: number): Promise<void> {
    this.cluster.disk(i).conditions.syncFailure = 0
    await this.cluster.restart(i)
    this.#down.delete(i)
  }

  #heal(): void {
    const { hosts, world } = this.cluster
    for (const a of hosts) for (const b of hosts) if (a !== b) world.heal(a.label, b.label)
  }

  /** Everybody lives again, also those whose replica has ended. */
  async calm(): Promise<void> {
    this.#heal()
    for (const [i, host] of this.cluster.hosts.entries())
      if (this.#down.has(i) || host.replica.ended !== undefined) await this.#restart(i)
    for (const i of this.cluster.hosts.keys()) {
      this.cluster.disk(i).conditions.syncFailure = 0
      this.cluster.disk(i).conditions.syncLatency = [0.2, 2]
    }
  }
}

describe('a group in a storm', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    it(`forgets nothing that was committed, and holds the same everywhere (seed ${seed})`, async () => {
      const options = { snapshotEntries: 40, trailingEntries: 10, raft: { chunkBytes: 500 } }
      await using cluster = await Cluster.of(HOSTS, { seed, disks: {}, options, loss: 0.01 })
      const storm = new Storm(cluster, seed)
      for (let steps = 0; cluster.world.time.now < STORM; steps++) {
        storm.propose()
        await cluster.world.time.advance(10)
        if (steps % 30 === 29) await storm.fault()
      }
      await storm.calm()
      await cluster.leader()
      await cluster.until('the last line is everywhere', () => {
        const leader = cluster.hosts.find(({ role }) => role === 'leader')
        leader?.replica.propose(Buffer.from('last')).catch(() => {})
        return cluster.hosts.every(({ ledger }) => ledger.lines.includes('last'))
      })
      await cluster.world.time.advance(2_000)
      const [first, ...others] = cluster.hosts.map(({ ledger }) => ledger.lines)
      for (const lines of others) assert.deepEqual(lines, first)
      assert.ok(storm.told.size > 0)
      const lines = first!.filter((line) => line !== 'last')
      assert.equal(new Set(lines).size, lines.length)
      const told = [...storm.told].sort(([a], [b]) => a - b).map(([, line]) => line)
      const kept = new Set(told)
      assert.deepEqual(
        lines.filter((line) => kept.has(line)),
        told
      )
    })
  }
})
