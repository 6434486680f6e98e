import type { Agent } from '../../../src/agent/agent.ts'
import type { SendOptions } from '../../../src/agent/types.ts'
import type { Node } from '../../../src/node/node.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Chance } from '../chance.ts'
import { type Play, RARE } from '../play.ts'
import { Storm } from '../storm.ts'
import { Chronicle, type Door } from './chronicle.ts'
import type { Scenario } from './types.ts'

/** Messages of one play at most, and the share of those heard that are answered. Guesses: some long chains, none without end. */
const MOST = 300
const ANSWERED = 0.45
/** As much among faults, so that something is said as long as they last. */
const ANSWERED_AMONG_FAULTS = 0.15
/** Turns until everybody has links to everybody, and the share of those after them in which two nodes cannot reach each other. Guesses. */
const WARM = 20
const STALLED = 0.15
/** Messages that a node sends in one turn among faults, some of which must wait. A guess. */
const BURST = 3
/** ms for which what was on its way may still come when the faults are over. A guess, longer than any retry. */
const AFTERMATH = 30_000

/**
 * Messages and publications in causal order, each of which may be the answer to others; nodes subscribe at most once or at
 * least once, as it comes. On a network that delays them as it likes none is heard before what it follows, and all are
 * heard. Among cuts, crashes and restarts none is heard before what it follows either, where a send that has resolved is
 * what later ones follow, and except what the chronicle forgets: what was between nodes of which one held the other to be
 * gone.
 */
export const causal: Scenario = {
  name: 'causal',
  async play(play) {
    const { chance } = play
    const calm = chance.happens(0.5)
    const nodes = 3 + chance.below(4)
    const mesh = await play.mesh({ nodes, ...play.network(calm ? RARE : 0.1) })
    const parley = new Parley(play, mesh, calm)
    await mesh.run(Promise.all(mesh.nodes.map((_, i) => parley.host(i))))
    if (calm) await delays(play, mesh, parley)
    else await faults(play, mesh, parley)
    parley.chronicle.judge()
  }
}

async function delays(play: Play, mesh: Mesh, parley: Parley): Promise<void> {
  const { chance } = play
  const all = [...mesh.nodes.keys()]
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

async function faults(play: Play, mesh: Mesh, parley: Parley): Promise<void> {
  const { chance } = play
  const all = [...mesh.nodes.keys()]
  const storm = new Storm(play, mesh, {
    ...{ nodes: all.length, victims: chance.happens(0.5) ? all : [], together: [] },
    prepare: (i) => parley.chronicle.died(i),
    revive: (i) => parley.host(i)
  })
  await storm.rage(chance.between(3_000, 12_000), () => {
    const i = chance.pick(all)
    for (let said = 0; said < BURST && storm.isUp(i); said++) parley.speak(i)
  })
  await mesh.advance(AFTERMATH)
}

/** Each node speaks to another or to all, and answers what it hears now and then. */
class Parley {
  readonly chronicle: Chronicle
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #agents = new Map<Node, Agent>()
  /** A message has its place when it is sent; else, on a network that may keep it from leaving, when its send has resolved. */
  readonly #atOnce: boolean
  readonly #answered: number

  constructor(play: Play, mesh: Mesh, calm: boolean) {
    this.#play = play
    this.#mesh = mesh
    this.#atOnce = calm
    this.#answered = calm ? ANSWERED : ANSWERED_AMONG_FAULTS
    this.chronicle = new Chronicle(play, mesh, calm)
  }

  async host(i: number): Promise<void> {
    const node = this.#mesh.nodes[i]!
    this.chronicle.follow(node)
    const hear = (id: number, door: Door): void => {
      if (this.#mesh.nodes[i] !== node) return
      this.chronicle.hear(node, id, door)
      if (this.#play.chance.happens(this.#answered)) this.speak(i)
    }
    const agent = await node.agent(`node-${i}`, { receive: ({ data }: { data: number }) => hear(data, 'handler') })
    const delivery = this.#play.chance.pick(['at-most-once', 'at-least-once'] as const)
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
    if (this.#atOnce) this.chronicle.placed(id)
    const sending: Promise<unknown> =
      to === undefined
        ? agent.publish(`news.${chance.pick(['a', 'b'])}`, id, { ordering: 'causal' })
        : agent.send(`node-${to}`, id, anyOptions(chance))
    const placed = sending.then(() => this.chronicle.placed(id))
    this.#play.watch(this.#mesh, `${id} from node-${i} to ${to === undefined ? 'all' : `node-${to}`}`, placed)
  }
}

function anyOptions(chance: Chance): SendOptions {
  return {
    ordering: 'causal',
    delivery: chance.pick(['at-most-once', 'at-least-once'] as const),
    ...(chance.happens(0.3) && { priority: chance.pick(['low', 'high'] as const) })
  }
}
