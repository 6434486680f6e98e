import { isJoint, members } from '../../../../src/core/consensus/configuration.ts'
import type { Play } from '../../play.ts'
import type { Scenario } from '../types.ts'
import { Clients } from './clients.ts'
import { Cluster } from './cluster.ts'
import type { Host } from './host.ts'
import { Ordeals } from './ordeals.ts'
import { Weather } from './weather.ts'

/** ms of virtual time for a group to agree once the faults have ended: a hundred elections, a guess. */
const PATIENCE = 20_000
/** And for each entry of the longest log: some send one at a time, and take up to this for it and its answer. A guess: two round trips. */
const PATIENCE_ENTRY = 40

/** The machines of consensus over fake networks and disks: what is committed stays, and in the end everybody has it. */
export const raft: Scenario = {
  name: 'raft',
  async play(play) {
    const cluster = new Cluster(play)
    try {
      const { season } = cluster.setting
      const faults = season === 'mixed' ? new Weather(cluster) : new Ordeals(cluster, season)
      const clients = new Clients(cluster)
      cluster.run(play.chance.between(1_000, 6_000))
      faults.stop()
      cluster.clear()
      clients.stop()
      settle(play, cluster)
      cluster.history.judge(play)
    } finally {
      play.include(cluster)
    }
  }
}

/** One leader in the end, that takes a proposal, which every member of its configuration applies; and a read. */
function settle(play: Play, cluster: Cluster): void {
  until(play, cluster, 'a leader is found once the faults have ended', () => leader(cluster) !== undefined)
  let proposed: number | undefined
  let asked = 0
  let reads = 0
  const { auditor } = cluster
  until(play, cluster, 'a proposal is applied everywhere, and a read is served, once the faults have ended', () => {
    const host = leader(cluster)
    if (host === undefined) return false
    const { term, configuration } = host.status!
    // What another leader took may be lost.
    if (proposed === undefined || asked !== term) {
      asked = term
      proposed = cluster.propose(host)
      reads = auditor.confirmed
      cluster.read(host)
    }
    const behind = members(configuration).filter((id) => {
      const member = cluster.hosts.find((other) => other.id === id)
      return member === undefined || proposed === undefined || member.register.index < proposed
    })
    return behind.length === 0 && !isJoint(configuration) && auditor.confirmed > reads
  })
}

/** The leader of the latest term. */
function leader(cluster: Cluster): Host | undefined {
  const termOf = (host: Host): number => host.status!.term
  return cluster.leaders().sort((a, b) => termOf(b) - termOf(a))[0]
}

function until(play: Play, cluster: Cluster, invariant: string, holds: () => boolean): void {
  const last = Math.max(...cluster.hosts.map(({ status }) => status?.last ?? 0))
  const end = cluster.elapsed + PATIENCE + last * PATIENCE_ENTRY
  while (!holds()) {
    play.must(cluster.elapsed < end, invariant, { nodes: cluster.hosts.map(({ status }) => status) })
    cluster.run(20)
  }
}
