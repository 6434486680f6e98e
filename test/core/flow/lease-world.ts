import { PROMISE } from '../../../protocols/rate-limits/constants.ts'
import { Deadlines, type Due } from '../../../src/core/delivery/deadlines.ts'
import { LeaseBucket } from '../../../src/core/flow/lease-bucket.ts'
import type { LeaseEffect, LeaseInput } from '../../../src/core/flow/lease-types.ts'
import type { RateDefinition } from '../../../src/core/flow/token-bucket.ts'

export interface Node {
  peer: string
  machine: LeaseBucket
  /** What its monotonic clock shows at time 0, and how much faster it runs than it should. */
  offset: number
  drift: number
  life: number
  up: boolean
  settled: boolean
  used: boolean
  /** Who it takes for alive. */
  view: Set<string>
}

export interface Ended {
  at: number
  peer: string
  key: string
  tokens: number
  granted: boolean
}

export const DRIFT = 0.001

/** Nodes that share one limit, over a network that delays, loses and parts. Time is ms, and every clock is a bit wrong. */
export class LeaseWorld {
  now = 0
  readonly nodes: Node[] = []
  readonly ended: Ended[] = []
  full = 0
  readonly #random: () => number
  readonly #definition: RateDefinition
  readonly #agenda = new Deadlines<Due & { run: () => void }>()
  readonly #requests = new Map<string, { key: string; tokens: number }>()
  readonly #parted = new Map<string, number>()
  #ticket = 0
  loss = 0
  /** ms within which nodes notice that others are lost. */
  detection = 8_000

  constructor(random: () => number, definition: RateDefinition, count: number) {
    this.#random = random
    this.#definition = definition
    for (let i = 0; i < count; i++) this.nodes.push(this.#born(`node-${i}`, 0))
    for (const node of this.nodes) for (const other of this.nodes) if (other !== node) this.#meet(node, other, 400)
    for (const node of this.nodes) this.after(500 + PROMISE, () => this.#settle(node, 0))
  }

  between(least: number, most: number): number {
    return least + this.#random() * (most - least)
  }

  below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }

  after(ms: number, run: () => void): void {
    this.#agenda.add({ at: this.now + ms, slot: -1, run })
  }

  run(until: number): void {
    for (let next = this.#agenda.take(until); next !== undefined; next = this.#agenda.take(until)) {
      this.now = next.at
      next.run()
    }
    this.now = until
  }

  /** What all nodes believe to have, as of now. */
  get share(): number {
    let share = 0
    for (const node of this.nodes) {
      this.#handle(node, { kind: 'tick' })
      if (node.up) share += node.machine.share
    }
    return share
  }

  acquire(node: Node, key: string, tokens: number, wait: boolean): number {
    const ticket = ++this.#ticket
    this.#requests.set(`${node.peer} ${ticket}`, { key, tokens })
    this.#handle(node, { kind: 'acquire', ticket, key, tokens, wait })
    return ticket
  }

  cancel(node: Node, ticket: number): void {
    const { key } = this.#requests.get(`${node.peer} ${ticket}`)!
    this.#handle(node, { kind: 'cancel', ticket, key })
  }

  /** Nodes of different groups do not hear each other, and notice after a while, each for itself. */
  part(groups: ReadonlyMap<string, number>): void {
    this.#parted.clear()
    for (const [peer, group] of groups) this.#parted.set(peer, group)
    for (const node of this.nodes) {
      for (const other of this.nodes) {
        if (other === node || this.#hears(node, other)) continue
        this.after(this.between(0, this.detection), () => {
          if (!this.#hears(node, other)) this.#lose(node, other.peer, false)
        })
      }
    }
  }

  heal(): void {
    this.#parted.clear()
    for (const node of this.nodes) for (const other of this.nodes) if (other !== node) this.#meet(node, other, 2_000)
  }

  /** Dies without a word. */
  crash(node: Node): void {
    node.up = false
    for (const other of this.nodes) {
      if (other !== node)
        this.after(this.between(0, this.detection), () => !node.up && this.#lose(other, node.peer, false))
    }
  }

  /** Takes its leave: what it had pledged is over, and everybody who hears it knows. */
  leave(node: Node): void {
    node.up = false
    for (const other of this.nodes) {
      if (other !== node) this.after(this.between(0, 500), () => !node.up && this.#lose(other, node.peer, true))
    }
  }

  restart(node: Node): void {
    Object.assign(node, this.#born(node.peer, node.life + 1))
    const { life } = node
    for (const other of this.nodes) {
      if (other === node || !this.#hears(node, other)) continue
      this.#meet(node, other, 400)
      this.#meet(other, node, 400)
    }
    this.after(500 + PROMISE * 1.01, () => this.#settle(node, life))
  }

  #born(peer: string, life: number): Node {
    const offset = Math.floor(this.between(0, 1e9))
    const drift = this.between(-DRIFT, DRIFT)
    const options = { self: peer, id: 'limit', definition: this.#definition, shared: true }
    const machine = new LeaseBucket(
      { ...options, keys: 100, waiting: 1_000, forgetAfter: 600_000 },
      offset + this.now * (1 + drift)
    )
    return { peer, machine, offset, drift, life, up: true, settled: false, used: false, view: new Set() }
  }

  #hears(a: Node, b: Node): boolean {
    return a.up && b.up && this.#parted.get(a.peer) === this.#parted.get(b.peer)
  }

  #meet(node: Node, other: Node, within: number): void {
    this.after(this.between(0, within), () => {
      if (!this.#hears(node, other)) return
      node.view.add(other.peer)
      this.#handle(node, { kind: 'sharer', peer: other.peer, used: other.used })
    })
  }

  #lose(node: Node, peer: string, left: boolean): void {
    if (!node.view.delete(peer)) return
    this.#handle(node, { kind: 'gone', peer, left })
  }

  #settle(node: Node, life: number): void {
    if (!node.up || node.life !== life) return
    node.settled = true
    this.#handle(node, { kind: 'settle' })
  }

  #handle(node: Node, input: LeaseInput): void {
    if (!node.up) return
    const effects: LeaseEffect[] = []
    const { machine, life } = node
    machine.handle(input, node.offset + this.now * (1 + node.drift), effects)
    for (const effect of effects) this.#apply(node, effect)
    const at = (machine.wakeAt - node.offset) / (1 + node.drift)
    if (at === Number.POSITIVE_INFINITY) return
    this.after(Math.max(0.01, at - this.now), () => {
      const due = node.life === life && machine.wakeAt <= node.offset + this.now * (1 + node.drift)
      if (due) this.#handle(node, { kind: 'tick' })
    })
  }

  #apply(node: Node, effect: LeaseEffect): void {
    if (effect.kind === 'full') this.full++
    if (effect.kind === 'used') {
      node.used = true
      for (const other of this.nodes) if (other.view.has(node.peer)) this.#meet(other, node, 100)
    }
    if (effect.kind === 'end') {
      const { key, tokens } = this.#requests.get(`${node.peer} ${effect.ticket}`)!
      this.ended.push({ at: this.now, peer: node.peer, key, tokens, granted: effect.granted })
    }
    if (effect.kind !== 'send' || this.#random() < this.loss) return
    const to = this.nodes.find(({ peer }) => peer === effect.to)!
    // Now and then a message is very late: it waited in a link that stalled.
    const delay = this.#random() < 0.02 ? this.between(0, 6_000) : this.between(0.1, 60)
    const { life } = to
    this.after(delay, () => {
      if (this.#hears(node, to) && to.life === life) {
        this.#handle(to, { kind: 'message', from: node.peer, message: effect.message })
      }
    })
  }
}

/** The most tokens by which any window exceeds `rate` (a second) times its length: of all windows at once. */
export function excess(ended: readonly Ended[], key: string, rate: number): number {
  let level = 0
  let most = 0
  let last = 0
  for (const { at, tokens, granted, ...one } of ended) {
    if (!granted || one.key !== key) continue
    level = Math.max(0, level - ((at - last) * rate) / 1_000) + tokens
    last = at
    most = Math.max(most, level)
  }
  return most
}
