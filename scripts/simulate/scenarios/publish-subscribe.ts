import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import { Storm } from '../storm.ts'
import { Listener } from './listener.ts'
import { Publisher } from './publisher.ts'
import type { Scenario } from './types.ts'

const TOKENS = ['a', 'b', 'c']

/** A topic, or a pattern of one to four tokens. */
function anyTopic(play: Play): string {
  return Array.from({ length: 1 + play.chance.below(4) }, () => play.chance.pick(TOKENS)).join('.')
}

function anyPattern(play: Play): string {
  const { chance } = play
  const tokens = anyTopic(play)
    .split('.')
    .map((token) => (chance.happens(0.3) ? '*' : token))
  return chance.happens(0.3) ? [...tokens.slice(0, 3), '>'].join('.') : tokens.join('.')
}

/** Once each, in order, nothing that was not asked for; and without faults nothing is missed. */
export const publishSubscribe: Scenario = {
  name: 'publish-subscribe',
  async play(play) {
    const { chance } = play
    const nodes = 2 + chance.below(5)
    // 0 sends everything by gossip that may go there.
    const limits = { directFanout: chance.pick([0, 1, 32]) }
    const mesh = await play.mesh({ nodes: Array.from({ length: nodes }, () => ({ limits })), ...play.network() })
    const fair = chance.happens(0.5)
    const lost = countLost(mesh)
    const listeners: Listener[] = []
    const publishers: Publisher[] = []
    for (const name of ['first', 'second', 'third']) {
      publishers.push(await Publisher.on(play, mesh, chance.below(nodes), name))
    }
    const listen = async (): Promise<void> => {
      const i = chance.below(nodes)
      const listener = await Listener.on(play, mesh, i, anyPattern(play))
      listeners.push(listener)
      if (fair) await mesh.run(listener.ready)
    }
    for (let i = 0; i < 5; i++) await listen()
    await mesh.advance(chance.pick([0, 5_000]))

    const work = (): void => {
      const publisher = chance.pick(publishers)
      const topic = anyTopic(play)
      for (let i = chance.pick([1, 1, 5, 50]); i > 0; i--) publisher.publish(topic)
    }
    const storm = new Storm(play, mesh, { nodes, victims: [], together: [], revive: async () => {} })
    if (fair) {
      for (let i = 0; i < 30; i++) {
        work()
        await mesh.advance(chance.between(0, 300))
        if (i % 10 === 9) await listen()
      }
    } else await storm.rage(chance.between(3_000, 15_000), work)
    await play.ended(
      mesh,
      publishers.flatMap(({ publications }) => publications.map(({ watched }) => watched)),
      'every publish ends'
    )
    await mesh.advance(30_000)
    await play.until(mesh, 'every reader catches up', () => listeners.every(({ idle }) => idle))
    await mesh.advance(1_000)
    for (const listener of listeners) {
      for (const publisher of publishers) listener.judge(publisher)
      if (fair) listener.judgeLosses(publishers, lost())
    }
  }
}

/** Packets that a node says it has passed over. */
function countLost(mesh: Mesh): () => number {
  let count = 0
  for (const node of mesh.nodes) {
    void (async () => {
      for await (const event of node.events()) {
        if (event.kind === 'lost') count += event.packets
        if (event.kind === 'undelivered') count += event.frames
      }
    })()
  }
  return () => count
}
