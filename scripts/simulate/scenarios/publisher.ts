import type { Agent } from '../../../src/agent/agent.ts'
import type { Node } from '../../../src/node/node.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import type { Watched } from '../watched.ts'

export interface Publication {
  publisher: string
  number: number
  topic: string
  at: number
  watched: Watched<unknown>
}

/** An agent that publishes, and all that it has published. */
export class Publisher {
  readonly publications: Publication[] = []
  readonly name: string
  /** The life of a node that it is on. */
  readonly node: Node
  /** False once its node has crashed: what it published then may never end. */
  readonly lives: () => boolean
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #agent: Agent

  constructor(play: Play, mesh: Mesh, agent: Agent, node: Node, lives: () => boolean) {
    this.#play = play
    this.#mesh = mesh
    this.name = agent.name
    this.node = node
    this.#agent = agent
    this.lives = lives
  }

  publish(topic: string): void {
    const number = this.publications.length
    const publishing = this.#agent.publish(topic, { publisher: this.name, number })
    const watched = this.#play.watch(this.#mesh, `${this.name} ${number} ${topic}`, publishing)
    this.publications.push({ publisher: this.name, number, topic, at: this.#mesh.now, watched })
  }
}
