import type { Node } from '../../../src/node/node.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import { Deliveries, type Delivery, type Saying } from './deliveries.ts'

/** By which door a message came to a node: what comes by one is seen in the order of coming. */
export type Door = 'handler' | 'subscription'

/** One life of a node: what is before whatever it says next, what it has heard, and whom it holds to be gone. */
interface Life {
  readonly past: Set<Delivery>
  readonly heard: Map<number, { at: number; door: Door }>
  readonly gone: Set<number>
}

/**
 * Who has said and heard what, and what came before what: happened-before (Lamport 1978), kept in full, and the promise
 * judged by it. A message is in the past of what its node says once it has its `place`; a node that holds another to be
 * gone forgets what was between it and that one, and whatever it knew through it alone; so do all of a life that is over.
 * What is forgotten there is exactly what the mesh does not promise.
 */
export class Chronicle {
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #deliveries: Deliveries
  readonly #sayings: Saying[] = []
  readonly #lives = new Map<Node, Life>()
  readonly #indexes = new Map<string, number>()
  /** Deliveries that nobody need be kept waiting for any more. */
  readonly #void = new Set<Delivery>()
  /** What was heard too late, unless its node says in the same moment that it holds the sender to be gone. */
  #suspects: { here: Delivery; at: number; details: Record<string, unknown> }[] = []
  readonly #calm: boolean

  /** `calm`: nothing fails, so nobody gives up waiting. */
  constructor(play: Play, mesh: Mesh, calm: boolean) {
    this.#play = play
    this.#mesh = mesh
    this.#calm = calm
    this.#deliveries = new Deliveries(mesh.nodes.length, this.#sayings)
  }

  get said(): number {
    return this.#sayings.length
  }

  /** Hears what a node says of others. */
  follow(node: Node): void {
    const i = this.#mesh.nodes.indexOf(node)
    this.#indexes.set(node.peerId.toString(), i)
    void (async () => {
      for await (const event of node.events()) {
        if (event.kind === 'causal-gap') {
          this.#play.must(!this.#calm, 'without faults there is no gap', { node: node.name, event })
          this.#unawaited(this.#indexes.get(event.producer), i)
        } else if (event.kind === 'peer-left') this.#left(node, i, this.#indexes.get(event.peer))
        else if (event.kind === 'peer-joined') this.#lifeOf(node).gone.delete(this.#indexes.get(event.peer) ?? -1)
      }
    })().catch(() => {})
  }

  /** A node is about to send a message. Returns its number. */
  say(node: Node, to: number | undefined): number {
    this.judge(this.#mesh.now)
    const id = this.#sayings.length
    const by = this.#mesh.nodes.indexOf(node)
    const saying = { id, node, by, to, past: new Set(this.#lifeOf(node).past), placed: false }
    this.#sayings.push(saying)
    this.#unpromised(saying)
    return id
  }

  /** It has its place in the order: what its node says from now on follows it. */
  placed(id: number): void {
    const saying = this.#sayings[id]!
    if (saying.placed) return
    saying.placed = true
    this.#learn(this.#lifeOf(saying.node), this.#deliveries.of(saying))
  }

  /** Nothing that follows it was heard here already. */
  hear(node: Node, id: number, door: Door): void {
    const life = this.#lifeOf(node)
    const { heard } = life
    // A second copy tells nothing new.
    if (heard.has(id)) return
    const saying = this.#sayings[id]!
    const here = this.#deliveries.at(id, this.#mesh.nodes.indexOf(node))
    const at = this.#mesh.now
    this.judge(at)
    const followers = [...heard].filter(([later, end]) => {
      const sameMoment = end.at === at && end.door !== door
      return !sameMoment && this.#sayings[later]!.past.has(here)
    })
    heard.set(id, { at, door })
    this.#learn(life, saying.past)
    this.#learn(life, this.#deliveries.of(saying))
    if (followers.length === 0) return
    const after = followers.map(([later]) => ({ message: later, from: this.#sayings[later]!.node.name }))
    const details = { node: node.name, message: id, from: saying.node.name, to: saying.to ?? 'all', after }
    this.#suspects.push({ here, at, details })
  }

  /** Of what was heard before that time. */
  judge(before = Number.POSITIVE_INFINITY): void {
    if (this.#suspects.length === 0) return
    const due = this.#suspects.filter(({ at }) => at < before)
    this.#suspects = this.#suspects.filter(({ at }) => at >= before)
    for (const { here, details } of due) {
      this.#play.must(this.#void.has(here), 'nothing is heard before what it follows', details)
    }
  }

  /** What was said to a node that it has not heard. */
  missing(i: number): number[] {
    const { heard } = this.#lifeOf(this.#mesh.nodes[i]!)
    return this.#sayings.filter(({ id, to }) => (to === undefined || to === i) && !heard.has(id)).map(({ id }) => id)
  }

  /** The node's life is over: what it said, and what was said to it, nobody waits for. */
  died(i: number): void {
    for (const { by, to } of this.#sayings) {
      if (by === i) for (let receiver = 0; receiver < this.#mesh.nodes.length; receiver++) this.#unawaited(i, receiver)
      else if (to === undefined || to === i) this.#unawaited(by, i)
    }
  }

  /** The node holds another to be gone. */
  #left(node: Node, i: number, other: number | undefined): void {
    if (other === undefined) return
    const life = this.#lifeOf(node)
    life.gone.add(other)
    this.#unawaited(i, other)
    this.#unawaited(other, i)
    this.#deliveries.forget(life.past, other)
    // What has no place yet gets one without them.
    for (const saying of this.#sayings) {
      if (saying.node === node && !saying.placed) this.#deliveries.forget(saying.past, other)
    }
  }

  /** What is said to a node that holds its sayer to be gone: whatever comes there meanwhile waits for nothing of it. */
  #unpromised({ id, by, past }: Saying): void {
    for (const [at, node] of this.#mesh.nodes.entries()) {
      if (!this.#lifeOf(node).gone.has(by)) continue
      this.#void.add(this.#deliveries.at(id, at))
      for (const before of past) if (this.#deliveries.receiver(before) === at) this.#void.add(before)
    }
  }

  /** Nothing that the one has said so far is waited for at the other, nor what it stands for there. */
  #unawaited(by: number | undefined, at: number): void {
    for (const saying of this.#sayings) {
      if (saying.by !== by || (saying.to !== undefined && saying.to !== at)) continue
      this.#void.add(this.#deliveries.at(saying.id, at))
      for (const before of saying.past) if (this.#deliveries.receiver(before) === at) this.#void.add(before)
    }
  }

  #learn({ past, gone }: Life, deliveries: Iterable<Delivery>): void {
    for (const delivery of deliveries) past.add(delivery)
    for (const other of gone) this.#deliveries.forget(past, other)
  }

  #lifeOf(node: Node): Life {
    let life = this.#lives.get(node)
    if (life === undefined) {
      life = { past: new Set(), heard: new Map(), gone: new Set() }
      this.#lives.set(node, life)
    }
    return life
  }
}
