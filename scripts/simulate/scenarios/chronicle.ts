import type { Node } from '../../../src/node/node.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'

/** By which door a message came to a node: what comes by one is seen in the order of coming. */
export type Door = 'handler' | 'subscription'

interface Saying {
  readonly id: number
  readonly by: Node
  /** Whatever its node had said or heard before, and all that came before that. */
  readonly past: ReadonlySet<number>
  /** Undefined for everybody. */
  readonly to: number | undefined
}

/** One life of a node: what it has said and heard. */
interface Life {
  readonly past: Set<number>
  readonly heard: Map<number, { at: number; door: Door }>
}

/** Who has said and heard what, and what came before what: happened-before (Lamport 1978), kept in full. */
export class Chronicle {
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #sayings: Saying[] = []
  readonly #lives = new Map<Node, Life>()

  constructor(play: Play, mesh: Mesh) {
    this.#play = play
    this.#mesh = mesh
  }

  get said(): number {
    return this.#sayings.length
  }

  /** Without faults nobody gives up waiting. */
  follow(node: Node): void {
    void (async () => {
      for await (const event of node.events()) {
        this.#play.must(event.kind !== 'causal-gap', 'without faults there is no gap', { node: node.name, event })
      }
    })().catch(() => {})
  }

  /** A node is about to send a message. Returns its number. */
  say(by: Node, to: number | undefined): number {
    const { past } = this.#lifeOf(by)
    const id = this.#sayings.length
    this.#sayings.push({ id, by, to, past: new Set(past) })
    past.add(id)
    return id
  }

  /** Nothing that follows it was heard here already. */
  hear(node: Node, id: number, door: Door): void {
    const { past, heard } = this.#lifeOf(node)
    // A second copy tells nothing new.
    if (heard.has(id)) return
    const saying = this.#sayings[id]!
    const at = this.#mesh.now
    const followers = [...heard].filter(([later, end]) => {
      const sameMoment = end.at === at && end.door !== door
      return !sameMoment && this.#sayings[later]!.past.has(id)
    })
    heard.set(id, { at, door })
    past.add(id)
    for (const before of saying.past) past.add(before)
    this.#play.must(followers.length === 0, 'nothing is heard before what it follows', {
      node: node.name,
      message: id,
      from: saying.by.name,
      to: saying.to ?? 'all',
      after: followers.map(([later]) => ({ message: later, from: this.#sayings[later]!.by.name }))
    })
  }

  /** What was said to a node that it has not heard. */
  missing(i: number): number[] {
    const node = this.#mesh.nodes[i]!
    const { heard } = this.#lifeOf(node)
    return this.#sayings.filter(({ id, to }) => (to === undefined || to === i) && !heard.has(id)).map(({ id }) => id)
  }

  #lifeOf(node: Node): Life {
    let life = this.#lives.get(node)
    if (life === undefined) {
      life = { past: new Set(), heard: new Map() }
      this.#lives.set(node, life)
    }
    return life
  }
}
