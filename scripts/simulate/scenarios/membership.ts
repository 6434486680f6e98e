import type { NodeEvent } from '../../../src/node/events.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import { Storm } from '../storm.ts'
import type { Scenario } from './types.ts'

/** As node.config.limits has it, less than the default to spare time. */
const FAILURE_TIMEOUT = 2_000
/**
 * ms beyond it: the machine looks every twentieth of the time-out, and hears of the last sign of life a packet's way
 * and a retransmission later than it was given.
 */
const GRACE = FAILURE_TIMEOUT / 20 + 1_000
/** ms for views to agree once the faults have ended. A guess: two dial back-offs and two visits to bootstrap peers. */
const CONVERGENCE = 60_000

/** Views agree with the truth in the end; the dead are noticed in time; each life is told from the one before. */
export const membership: Scenario = {
  name: 'membership',
  async play(play) {
    const { chance } = play
    const nodes = 3 + chance.below(6)
    const limits = { failureTimeout: FAILURE_TIMEOUT }
    const mesh = await play.mesh({ nodes: Array.from({ length: nodes }, () => ({ limits })), ...play.network() })
    const everybody = Array.from({ length: nodes }, (_, i) => i)
    const truth = new Map<number, Map<string, string>>()
    let names = 0
    /** What lives on each node: instance and name, as its own node gave them out. */
    const host = async (i: number): Promise<void> => {
      const hosted = new Map<string, string>()
      truth.set(i, hosted)
      const name = `agent-${names++ % 5}`
      const agent = await mesh.nodes[i]!.agent(name)
      hosted.set(agent.instance, name)
    }
    const storm = new Storm(play, mesh, { nodes, victims: everybody.slice(1), together: [], revive: host })
    await mesh.run(Promise.all(everybody.map(host)))

    await storm.rage(chance.between(5_000, 30_000), () => play.messages++)
    await agree(play, mesh, everybody, truth, 'views agree once the faults have ended')

    await oneDies(play, mesh, storm, everybody, truth)
  }
}

/** A death in a quiet mesh, and a return. */
async function oneDies(
  play: Play,
  mesh: Mesh,
  storm: Storm,
  everybody: number[],
  truth: Map<number, Map<string, string>>
): Promise<void> {
  const victim = play.chance.pick(everybody.slice(1))
  const others = everybody.filter((i) => i !== victim)
  const peer = mesh.nodes[victim]!.peerId.toString()
  const seen = others.map((i) => follow(mesh, i, peer))
  const wasHosted = new Set(truth.get(victim)!.keys())
  storm.crash(victim)
  truth.delete(victim)
  await mesh.advance(FAILURE_TIMEOUT + GRACE)
  for (const [k, events] of seen.entries())
    play.must(events.includes('peer-left'), 'the dead are noticed in time', { observer: others[k], victim, events })
  await agree(play, mesh, others, truth, 'the dead are gone from every view')

  await storm.restart(victim)
  await agree(play, mesh, everybody, truth, 'views agree after a return')
  await mesh.advance(2 * FAILURE_TIMEOUT)
  for (const [k, events] of seen.entries()) {
    const lives = { observer: others[k], victim, events }
    play.must(events.join() === 'peer-left,peer-joined', 'one death and one return are seen as that', lives)
  }
  for (const i of others) {
    const stale = mesh.nodes[i]!.agents().find(({ instance }) => wasHosted.has(instance))
    play.must(stale === undefined, 'nothing of a former life remains', { observer: i, victim, stale })
  }
}

/** The comings and goings of a peer, as node `i` tells them. */
function follow(mesh: Mesh, i: number, peer: string): string[] {
  const kinds: string[] = []
  const wanted = (event: NodeEvent): boolean =>
    (event.kind === 'peer-left' || event.kind === 'peer-joined') && event.peer === peer
  void (async () => {
    for await (const event of mesh.nodes[i]!.events()) if (wanted(event)) kinds.push(event.kind)
  })()
  return kinds
}

/** Every one of the living sees the others, their agents, and nobody else. */
async function agree(
  play: Play,
  mesh: Mesh,
  living: number[],
  truth: Map<number, Map<string, string>>,
  invariant: string
): Promise<void> {
  const names = living.map((i) => mesh.nodes[i]!.name)
  const agents = () => living.flatMap((i) => [...truth.get(i)!.keys()]).sort()
  const viewOf = (i: number): { peers: string[]; agents: string[] } => ({
    peers: mesh.nodes[i]!.peers()
      .map(({ name }) => name)
      .sort(),
    agents: mesh.nodes[i]!.agents()
      .map(({ instance }) => instance)
      .sort()
  })
  const right = (i: number): boolean => {
    const view = viewOf(i)
    const others = names.filter((name) => name !== mesh.nodes[i]!.name).sort()
    return view.peers.join() === others.join() && view.agents.join() === agents().join()
  }
  const wrong = () => ({
    truth: { names, agents: agents() },
    wrong: living.filter((i) => !right(i)).map((i) => ({ i, ...viewOf(i) }))
  })
  await play.until(mesh, invariant, () => living.every(right), wrong, CONVERGENCE)
}
