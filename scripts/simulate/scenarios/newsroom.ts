import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import { Storm } from '../storm.ts'
import { Listener } from './listener.ts'
import { Publisher } from './publisher.ts'

const TOKENS = ['a', 'b', 'c']
/** ms for what was interrupted to be announced, repaired and routed anew. A guess. */
const RECOVERY = 30_000

/** Publishers and listeners on all nodes; where a node is restarted it gets new ones. */
export class Newsroom {
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #storm: Storm
  readonly #nodes: number
  readonly #publishers: Publisher[] = []
  readonly #listeners: Listener[] = []
  #hired = 0

  constructor(play: Play, mesh: Mesh, nodes: number) {
    this.#play = play
    this.#mesh = mesh
    this.#nodes = nodes
    const victims = Array.from({ length: nodes }, (_, i) => i)
    const revive = (i: number) => Promise.all([this.hire(i), this.listen(i)])
    this.#storm = new Storm(play, mesh, { nodes, victims, together: [], revive })
  }

  async hire(i: number): Promise<void> {
    const lives = this.#storm.lifeOf(i)
    const node = this.#mesh.nodes[i]!
    const agent = await node.agent(`publisher-${this.#hired++}`)
    this.#publishers.push(new Publisher(this.#play, this.#mesh, agent, node, lives))
  }

  async listen(i: number): Promise<Listener> {
    const lives = this.#storm.lifeOf(i)
    const listener = await Listener.on(this.#play, this.#mesh, i, this.#anyPattern(), lives)
    this.#listeners.push(listener)
    return listener
  }

  /** One or many at once, of one topic. */
  publish(): void {
    const { chance } = this.#play
    const living = this.#publishers.filter(({ lives }) => lives())
    if (living.length === 0) return
    const publisher = chance.pick(living)
    const topic = this.#anyTopic()
    for (let i = chance.pick([1, 1, 5, 50]); i > 0; i--) publisher.publish(topic)
  }

  /** Publishes through a storm; returns when the mesh is whole again. */
  async survive(ms: number): Promise<void> {
    await this.#storm.rage(ms, () => this.publish())
    const whole = () => this.#mesh.nodes.every((node) => node.peers().length === this.#nodes - 1)
    await this.#play.until(this.#mesh, 'views agree once the faults have ended', whole)
    await this.#mesh.advance(RECOVERY)
  }

  /** `since`: ms of virtual time when the last fault was over; `lost`: what nodes have told of as lost since. */
  async judge(since: number, lost: () => number): Promise<void> {
    const living = this.#publishers.filter(({ lives }) => lives())
    const publications = living.flatMap((publisher) => publisher.publications)
    const all = publications.map(({ watched }) => watched)
    await this.#play.ended(this.#mesh, all, 'every publish ends')
    await this.#mesh.advance(RECOVERY)
    await this.#play.until(this.#mesh, 'every reader catches up', () => this.#listeners.every(({ idle }) => idle))
    await this.#mesh.advance(1_000)
    const recent = publications.filter(({ at }) => at > since)
    for (const listener of this.#listeners) {
      for (const publisher of this.#publishers) listener.judge(publisher)
      if (!listener.lives()) continue
      listener.judgeLosses(recent, lost())
      for (const publisher of living) listener.judgeAssured(publisher, since)
    }
  }

  #anyTopic(): string {
    return Array.from({ length: 1 + this.#play.chance.below(4) }, () => this.#play.chance.pick(TOKENS)).join('.')
  }

  #anyPattern(): string {
    const { chance } = this.#play
    const tokens = this.#anyTopic()
      .split('.')
      .map((token) => (chance.happens(0.3) ? '*' : token))
    return chance.happens(0.3) ? [...tokens.slice(0, 3), '>'].join('.') : tokens.join('.')
  }
}
