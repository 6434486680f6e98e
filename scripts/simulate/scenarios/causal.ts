import type { Agent } from '../../../src/agent/agent.ts'
import type { SendOptions } from '../../../src/agent/types.ts'
import type { Node } from '../../../src/node/node.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Chance } from '../chance.ts'
import { type Play, RARE } from '../play.ts'
import { Chronicle, type Door } from './chronicle.ts'
import type { Scenario } from './types.ts'

/** Messages of one play at most, and the share of those heard that are answered. Guesses: some long chains, none without end. */
const MOST = 300
const ANSWERED = 0.45
/** Turns until everybody has links to everybody, and the share of those after them in which two nodes cannot reach each other. Guesses. */
const WARM = 20
const STALLED = 0.15

/**
 * Messages and publications in causal order, each of which may be the answer to others, on a network that delays them as
 * it likes: none is heard before what it follows, and all of them are heard. What crashes and partitions do to the order is
 * told by events, and the machine's own simulation judges it.
 */
export const causal: Scenario = {
  name: 'causal',
  async play(play) {
    const { chance } = play
    const nodes = 3 + chance.below(4)
    const mesh = await play.mesh({ nodes, ...play.network(RARE) })
    const parley = new Parley(play, mesh)
    await mesh.run(Promise.all(mesh.nodes.map((_, i) => parley.host(i))))
    const all = Array.from({ length: nodes }, (_, i) => i)
    for (let i = 0; i < 60; i++) {
      parley.speak(chance.pick(all))
      if (i > WARM && chance.happens(STALLED)) {
        // Shorter than anybody takes for a failure: what is on its way comes late.
        const [a, b] = chance.shuffled(all)
        play.faults++
        mesh.partition([a!], [b!])
        parley.speak(chance.pick(all))
        await mesh.advance(chance.between(0, 1_000))
        mesh.heal()
      }
      await mesh.advance(chance.between(0, 100))
    }
    const missing = () => all.flatMap((i) => parley.chronicle.missing(i).map((id) => `${id} at node-${i}`))
    await play.until(
      mesh,
      'what is said is heard',
      () => missing().length === 0,
      () => ({ missing: missing() })
    )
  }
}

/** Each node speaks to another or to all, and answers what it hears now and then. */
class Parley {
  readonly chronicle: Chronicle
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #agents = new Map<Node, Agent>()
  /** Of all subscriptions: what goes to some by the one way and to others by the other is not ordered between them. */
  readonly #delivery: 'at-most-once' | 'at-least-once'

  constructor(play: Play, mesh: Mesh) {
    this.#play = play
    this.#mesh = mesh
    this.#delivery = play.chance.pick(['at-most-once', 'at-least-once'] as const)
    this.chronicle = new Chronicle(play, mesh)
  }

  async host(i: number): Promise<void> {
    const node = this.#mesh.nodes[i]!
    this.chronicle.follow(node)
    const hear = (id: number, door: Door): void => {
      this.chronicle.hear(node, id, door)
      if (this.#mesh.nodes[i] === node && this.#play.chance.happens(ANSWERED)) this.speak(i)
    }
    const agent = await node.agent(`node-${i}`, { receive: ({ data }: { data: number }) => hear(data, 'handler') })
    const delivery = this.#delivery
    const subscription = agent.subscribe('news.>', { delivery, overflow: 'reject' })
    void (async () => {
      for await (const { data } of subscription) hear(data as number, 'subscription')
    })().catch(() => {})
    await subscription.ready
    this.#agents.set(node, agent)
  }

  speak(i: number): void {
    const { chance } = this.#play
    const node = this.#mesh.nodes[i]!
    const agent = this.#agents.get(node)
    if (agent === undefined || this.chronicle.said >= MOST) return
    const others = this.#mesh.nodes.map((_, other) => other).filter((other) => other !== i)
    const to = chance.happens(0.6) ? chance.pick(others) : undefined
    const id = this.chronicle.say(node, to)
    const sending: Promise<unknown> =
      to === undefined
        ? agent.publish(`news.${chance.pick(['a', 'b'])}`, id, { ordering: 'causal' })
        : agent.send(`node-${to}`, id, anyOptions(chance))
    this.#play.watch(this.#mesh, `${id} from node-${i} to ${to === undefined ? 'all' : `node-${to}`}`, sending)
  }
}

function anyOptions(chance: Chance): SendOptions {
  return {
    ordering: 'causal',
    delivery: chance.pick(['at-most-once', 'at-least-once'] as const),
    ...(chance.happens(0.3) && { priority: chance.pick(['low', 'high'] as const) })
  }
}
