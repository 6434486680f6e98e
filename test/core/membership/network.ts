import { decodeMessage, encodeMessage } from '../../../protocols/overlay/codec.ts'
import type { OverlayMessage, OverlayRecord } from '../../../protocols/overlay/messages.ts'
import { encodeRecord, encodeSignedRecord } from '../../../protocols/overlay/record.ts'
import { Agenda } from '../../../scripts/simulate/agenda.ts'
import type { MembershipEffect, MembershipInput } from '../../../src/core/membership/effects.ts'
import { MembershipMachine } from '../../../src/core/membership/machine.ts'
import { type MembershipOptions, tickInterval, withDefaults } from '../../../src/core/membership/options.ts'
import type { MembershipEvent } from '../../../src/core/membership/types.ts'
import { seeded } from '../seeded.ts'

export interface NetworkOptions {
  seed: number
  /** ms, one way. */
  delay?: [number, number]
  /** Of frames, both ways, though links are reliable in production: what is lost stands for queues that were full. */
  loss?: number
  membership?: Partial<MembershipOptions>
}

export interface SimulatedNode {
  peer: string
  machine: MembershipMachine
  events: (MembershipEvent & { at: number })[]
  up: boolean
  /** Raised by each crash: what was planned for a former life does not happen. */
  life: number
  bootstrap: string[]
  /** ms that this node's wall clock is ahead. */
  skew: number
  framesSent: number
  bytesSent: number
  /** The event loop stands still until then (ms of the network's clock). */
  stalledUntil: number
}

/**
 * Machines, connected by links with delay and loss, under one virtual clock. A cut link says nothing: it is half-open
 * until somebody hangs it up. A crash closes the connections that reach across no cut.
 */
export class Network {
  readonly nodes = new Map<string, SimulatedNode>()
  readonly random: () => number
  readonly options: NetworkOptions
  /** Who dialled what. */
  readonly dials: [from: string, target: string][] = []
  readonly membership: MembershipOptions
  readonly #agenda = new Agenda()
  readonly #connections = new Set<string>()
  /** Group of each node while there is a partition. */
  #groups: Map<string, number> | undefined
  readonly #cuts = new Set<string>()
  /** Latest arrival per direction: links keep the order. */
  readonly #arrivals = new Map<string, number>()

  constructor(options: NetworkOptions) {
    this.options = options
    this.random = seeded(options.seed)
    this.membership = withDefaults(options.membership)
  }

  start(peer: string, init: { bootstrap?: string[]; skew?: number; zone?: string } = {}): SimulatedNode {
    const former = this.nodes.get(peer)
    const skew = init.skew ?? former?.skew ?? 0
    const record: OverlayRecord = {
      peer,
      name: peer,
      region: 'r',
      zone: init.zone ?? 'z',
      addresses: [`/memory/${peer}`],
      incarnation: 1_000_000_000 + Math.floor(this.now) + skew,
      expires: 2_000_000_000 + Math.floor(this.now) + skew
    }
    const node: SimulatedNode = {
      peer,
      machine: new MembershipMachine(record, this.options.membership ?? {}, this.random),
      events: former?.events ?? [],
      up: true,
      life: (former?.life ?? 0) + 1,
      bootstrap: init.bootstrap ?? former?.bootstrap ?? [],
      skew,
      framesSent: 0,
      bytesSent: 0,
      stalledUntil: 0
    }
    this.nodes.set(peer, node)
    this.feed(node, { kind: 'record', signed: sign(record) })
    this.#tickLater(node, this.now)
    return node
  }

  crash(peer: string): void {
    const node = this.nodes.get(peer)!
    node.up = false
    for (const other of this.neighbours(peer)) {
      if (this.#isCut(peer, other)) continue
      this.#connections.delete(pair(peer, other))
      this.#later(this.nodes.get(other)!, () => this.#feedTo(other, { kind: 'disconnected', peer }))
    }
  }

  /** Says farewell, and goes when all have acknowledged it or its patience (the driver's 500 ms) ends. */
  leave(peer: string): void {
    this.#feedTo(peer, { kind: 'leave' })
    this.runUntil(() => this.nodes.get(peer)!.machine.hasLeft, 500, 10)
    this.crash(peer)
  }

  /** Groups of peers that cannot reach each other; whoever is in none is alone. */
  partition(...groups: string[][]): void {
    this.#groups = new Map()
    groups.forEach((group, i) => {
      for (const peer of group) this.#groups!.set(peer, i)
    })
  }

  heal(): void {
    this.#groups = undefined
    this.#cuts.clear()
  }

  /** Silently drops what these two send each other. */
  cut(a: string, b: string): void {
    this.#cuts.add(pair(a, b))
  }

  get now(): number {
    return this.#agenda.now
  }

  run(ms: number): void {
    this.#agenda.run(ms)
  }

  /** Runs until it holds; returns the ms it took, or undefined past `limit`. */
  runUntil(holds: () => boolean, limit: number, step = 100): number | undefined {
    const begun = this.now
    while (!holds()) {
      if (this.now - begun >= limit) return undefined
      this.run(step)
    }
    return this.now - begun
  }

  live(): SimulatedNode[] {
    return [...this.nodes.values()].filter((node) => node.up)
  }

  neighbours(peer: string): string[] {
    return [...this.nodes.keys()].filter((other) => this.#connections.has(pair(peer, other)))
  }

  /** Every live node holds every other, with its entries, and nobody else. */
  converged(): boolean {
    const live = this.live()
    const truth = live.map((node) => node.machine)
    return live.every((node) => {
      const members = [...node.machine.members()]
      if (members.length !== live.length - 1) return false
      return truth.every((machine) => {
        if (machine === node.machine) return true
        const seen = node.machine.member(machine.self.peer)
        return (
          seen?.state === 'alive' &&
          seen.record.incarnation === machine.self.incarnation &&
          seen.version === machine.version
        )
      })
    })
  }

  set(peer: string, key: string, value: unknown): void {
    this.#feedTo(peer, { kind: 'set', key, value })
  }

  feed(node: SimulatedNode, input: MembershipInput): void {
    const effects: MembershipEffect[] = []
    node.machine.handle(input, this.now, effects)
    for (const effect of effects) this.#perform(node, effect)
  }

  #feedTo(peer: string, input: MembershipInput): void {
    const node = this.nodes.get(peer)
    if (node?.up) this.feed(node, input)
  }

  #tickLater(node: SimulatedNode, due: number): void {
    this.#agenda.at(due, () => {
      if (!node.up) return
      const late = Math.max(0, node.stalledUntil - this.now)
      if (late > 0) {
        this.#agenda.at(node.stalledUntil, () => this.#tick(node, late))
        return
      }
      this.#tick(node, 0)
    })
  }

  #tick(node: SimulatedNode, late: number): void {
    if (!node.up) return
    this.feed(node, { kind: 'tick', lag: late })
    this.#tickLater(node, this.now + tickInterval(this.membership))
  }

  #perform(node: SimulatedNode, effect: MembershipEffect): void {
    switch (effect.kind) {
      case 'send':
        for (const to of effect.to) this.#send(node, to, effect.message)
        break
      case 'emit':
        node.events.push({ ...effect.event, at: this.now })
        break
      case 'flush':
        this.#agenda.at(this.now, () => node.up && this.feed(node, { kind: 'flush' }))
        break
      case 'sign':
        this.#sign(node, effect.incarnation)
        break
      case 'dial':
        this.#dial(node, effect.target)
        break
      case 'read-bootstrap':
        this.feed(node, { kind: 'bootstrap', addresses: node.bootstrap.map((peer) => `/memory/x/p2p/${peer}`) })
        break
      case 'hang-up':
        this.#hangUp(node.peer, effect.peer)
        break
    }
  }

  #sign(node: SimulatedNode, incarnation: number): void {
    const record = { ...node.machine.self, incarnation }
    this.#agenda.at(this.now, () => node.up && this.feed(node, { kind: 'record', signed: sign(record) }))
  }

  #send(node: SimulatedNode, to: string, message: OverlayMessage): void {
    const frame = encodeMessage(message)
    node.framesSent++
    node.bytesSent += frame.body.byteLength
    if (!this.#connections.has(pair(node.peer, to)) || this.random() < (this.options.loss ?? 0)) return
    const direction = `${node.peer}>${to}`
    // After a stall a few sockets are read before the timers fire, and the rest after them.
    const stall = (this.nodes.get(to)?.stalledUntil ?? 0) + (this.random() < 0.3 ? 0 : 1)
    const at = Math.max(this.now + this.#delay(), this.#arrivals.get(direction) ?? 0, stall)
    this.#arrivals.set(direction, at)
    const life = this.nodes.get(to)?.life
    this.#agenda.at(at, () => {
      if (this.#isCut(node.peer, to) || this.nodes.get(to)?.life !== life) return
      if (!this.#connections.has(pair(node.peer, to))) return
      this.#feedTo(to, { kind: 'receive', from: node.peer, message: decodeMessage(frame.kind, frame.body) })
    })
  }

  #dial(node: SimulatedNode, target: string): void {
    const peer = target.slice(target.lastIndexOf('/') + 1)
    this.dials.push([node.peer, target])
    this.#later(node, () => {
      const reachable = this.nodes.get(peer)?.up === true && !this.#isCut(node.peer, peer)
      if (reachable) this.#connect(node.peer, peer)
      this.feed(node, { kind: 'dialled', target, reached: reachable ? peer : undefined })
    })
  }

  #connect(a: string, b: string): void {
    // A dial that meets a half-open connection replaces it.
    this.#connections.add(pair(a, b))
    this.#feedTo(a, { kind: 'connected', peer: b })
    this.#feedTo(b, { kind: 'connected', peer: a })
  }

  #hangUp(a: string, b: string): void {
    this.#connections.delete(pair(a, b))
    this.#later(this.nodes.get(a)!, () => this.#feedTo(a, { kind: 'disconnected', peer: b }))
    if (!this.#isCut(a, b)) this.#later(this.nodes.get(b)!, () => this.#feedTo(b, { kind: 'disconnected', peer: a }))
    else {
      // Its end is half-open until it notices by itself; for the set of connections the pair is gone.
      this.#agenda.at(this.now + this.membership.failureTimeout, () =>
        this.#feedTo(b, { kind: 'disconnected', peer: a })
      )
    }
  }

  #later(node: SimulatedNode, run: () => void): void {
    const { life } = node
    this.#agenda.at(this.now + this.#delay(), () => node.up && node.life === life && run())
  }

  #delay(): number {
    const [least, most] = this.options.delay ?? [1, 20]
    return least + this.random() * (most - least)
  }

  #isCut(a: string, b: string): boolean {
    if (this.#cuts.has(pair(a, b))) return true
    return this.#groups !== undefined && this.#groups.get(a) !== this.#groups.get(b)
  }
}

function pair(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`
}

/** The pure machine never verifies: any signature does. */
export function sign(record: OverlayRecord): { record: OverlayRecord; blob: Uint8Array } {
  return { record, blob: encodeSignedRecord(encodeRecord(record), new Uint8Array(64)) }
}
