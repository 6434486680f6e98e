import { ROUTING_DEFAULTS } from '../../../src/core/routing/settings.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import { Storm } from '../storm.ts'
import { Asker } from './asker.ts'
import { Responders } from './responders.ts'
import type { Scenario } from './types.ts'

/** Each call ends once and in time, with its own reply; cancellation travels; streams have no gaps. */
export const requestResponse: Scenario = {
  name: 'request-response',
  async play(play) {
    const { chance } = play
    const nodes = 3 + chance.below(3)
    const mesh = await play.mesh({ nodes, ...play.network() })
    const servers = Array.from({ length: nodes - 1 }, (_, i) => i + 1)
    const responders = new Responders(play, mesh, (i) => storm.lifeOf(i))
    const revive = (i: number) => responders.host(i)
    const storm = new Storm(play, mesh, { nodes, victims: servers, together: [], revive })
    await mesh.run(Promise.all(servers.map(revive)))
    const asker = new Asker(play, mesh, await mesh.run(mesh.nodes[0]!.agent('asker')))

    await storm.rage(chance.between(5_000, 20_000), () => asker.askAnything())
    await asker.ended()
    await responders.abandoned()
    await oneDies(play, mesh, storm, asker, servers)
  }
}

/** All circuits are closed, and one of several servers dies with calls in its hands. */
async function oneDies(play: Play, mesh: Mesh, storm: Storm, asker: Asker, servers: number[]): Promise<void> {
  const { chance } = play
  const patient = { idempotent: true, timeout: 60_000 }
  await mesh.advance(ROUTING_DEFAULTS.circuit.maxCoolDown)
  for (const i of servers) {
    asker.ask({ type: 'echo', ...patient }, patient.timeout, { peer: mesh.nodes[i]!.peerId })
    await asker.ended()
  }
  const calls = Array.from({ length: 12 }, () => asker.ask({ type: 'slow', ...patient }).watched)
  await mesh.advance(chance.between(0, 1_000))
  storm.crash(chance.pick(servers))
  await asker.ended()
  const failed = calls.find(({ error }) => error !== undefined)
  const details = { what: failed?.what, error: failed?.error }
  play.must(failed === undefined, 'what is idempotent is tried elsewhere', details)
}
