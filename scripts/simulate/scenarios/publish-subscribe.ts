import type { Mesh } from '../../../src/testing/index.ts'
import { RARE } from '../play.ts'
import { Newsroom } from './newsroom.ts'
import type { Scenario } from './types.ts'

/** Once each, in order, nothing that was not asked for; and while there is no fault nothing is missed. */
export const publishSubscribe: Scenario = {
  name: 'publish-subscribe',
  async play(play) {
    const { chance } = play
    const nodes = 2 + chance.below(5)
    // 0 sends everything by gossip that may go there.
    const limits = { directFanout: chance.pick([0, 1, 32]) }
    const mesh = await play.mesh({ nodes: Array.from({ length: nodes }, () => ({ limits })), ...play.network(RARE) })
    const room = new Newsroom(play, mesh, nodes)
    for (let i = 0; i < 3; i++) await mesh.run(room.hire(chance.below(nodes)))
    for (let i = 0; i < 5; i++) await mesh.run(room.listen(chance.below(nodes)))

    if (chance.happens(0.5)) await room.survive(chance.between(3_000, 15_000))
    const since = mesh.now
    const lost = countLost(mesh)
    for (let i = 0; i < 30; i++) {
      if (i % 10 === 0) {
        const { ready } = await mesh.run(room.listen(chance.below(nodes)))
        await mesh.run(ready)
      }
      room.publish()
      await mesh.advance(chance.between(0, 300))
    }
    await room.judge(since, lost)
  }
}

/** Packets that a node says it has passed over. */
function countLost(mesh: Mesh): () => number {
  let count = 0
  for (const node of mesh.nodes) {
    void (async () => {
      for await (const event of node.events()) {
        if (event.kind === 'lost') count += event.packets ?? 0
        if (event.kind === 'undelivered') count += event.frames
      }
    })()
  }
  return () => count
}
