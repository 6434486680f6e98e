import type { Agent } from '../../../src/agent/agent.ts'
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
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #agent: Agent

  private constructor(play: Play, mesh: Mesh, name: string, agent: Agent) {
    this.#play = play
    this.#mesh = mesh
    this.name = name
    this.#agent = agent
  }

  static async on(play: Play, mesh: Mesh, i: number, name: string): Promise<Publisher> {
    return new Publisher(play, mesh, name, await mesh.run(mesh.nodes[i]!.agent(name)))
  }

  publish(topic: string): void {
    const number = this.publications.length
    const publishing = this.#agent.publish(topic, { publisher: this.name, number })
    const watched = this.#play.watch(this.#mesh, `${this.name} ${number} ${topic}`, publishing)
    this.publications.push({ publisher: this.name, number, topic, at: this.#mesh.now, watched })
  }
}
