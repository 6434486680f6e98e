import type { Mesh } from '../../../src/testing/index.ts'
import { type Play, RARE } from '../play.ts'
import { Storm } from '../storm.ts'
import { Talk } from './talk.ts'
import type { Scenario } from './types.ts'

/** Everything twice is a fault, everything lost without a fault too, and what is lost is counted. */
export const atMostOnce: Scenario = {
  name: 'at-most-once',
  async play(play) {
    const { chance } = play
    const fair = chance.happens(0.5)
    const nodes = 2 + chance.below(4)
    const limits = { mailbox: { messages: chance.pick([8, 40, 2_000]) } }
    const mesh = await play.mesh({
      nodes: Array.from({ length: nodes }, () => ({ limits })),
      ...play.network(fair ? RARE : 0.1)
    })
    const slow = chance.pick([0, 0, 5, 30])
    const talks = [0, 1, 2].map((i) => {
      return new Talk(play, mesh, i, { from: chance.below(nodes), to: chance.below(nodes), slow })
    })
    await mesh.run(Promise.all(talks.map((talk) => talk.begin())))
    const dropped = countDropped(mesh)

    const work = (): void => chance.pick(talks).say(chance.pick([1, 1, 10, 100]))
    if (fair) {
      for (let i = 0; i < 40; i++) {
        work()
        await mesh.advance(chance.between(0, 200))
      }
    } else await storm(play, mesh, nodes, talks).rage(chance.between(3_000, 15_000), work)
    const sends = talks.flatMap((talk) => talk.sends)
    await play.ended(mesh, sends, 'nobody waits for ever')
    await mesh.advance(60_000)

    const ends = talks.map((talk) => talk.judge())
    const lost = ends.reduce((sum, end) => sum + end.lost, 0)
    const refused = ends.reduce((sum, end) => sum + end.refused, 0)
    const figures = { lost, refused, dropped: dropped() }
    if (!fair) play.must(dropped() <= lost + refused, 'what is counted as lost is lost', figures)
    else play.must(lost === dropped(), 'without faults what was not handled is counted', figures)
    if (fair) for (const talk of talks) talk.judgeOrder()
  }
}

/** Receivers come and go, senders stay. */
function storm(play: Play, mesh: Mesh, nodes: number, talks: readonly Talk[]): Storm {
  const victims = talks.map(({ to }) => to).filter((i) => talks.every(({ from }) => from !== i))
  const revive = (i: number) => Promise.all(talks.filter(({ to }) => to === i).map((talk) => talk.host()))
  return new Storm(play, mesh, { nodes, victims, together: [], revive })
}

/** What every node says it has lost. */
function countDropped(mesh: Mesh): () => number {
  let count = 0
  for (const node of mesh.nodes) {
    void (async () => {
      for await (const event of node.events()) if (event.kind === 'dropped') count += event.count
    })()
  }
  return () => count
}
