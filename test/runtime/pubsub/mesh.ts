import assert from 'node:assert/strict'
import { decode, encode } from '../../../protocols/envelope/index.ts'
import type { Message } from '../../../protocols/envelope/message.ts'
import type { Entry, Member, MemberRecord, MembershipEvent } from '../../../src/core/membership/types.ts'
import { LinkTable } from '../../../src/runtime/links/table.ts'
import type { Membership } from '../../../src/runtime/membership/types.ts'
import { createPubSub } from '../../../src/runtime/pubsub/pubsub.ts'
import type {
  MessageCodec,
  PubSub,
  PubSubEvent,
  PubSubLimits,
  Subscription
} from '../../../src/runtime/pubsub/types.ts'
import { type Place, World, type WorldOptions } from '../../../src/testing/world.ts'

export const codec: MessageCodec = {
  encode: (message) => encode(message, 'messagepack'),
  decode: (bytes) => decode(bytes, 'messagepack')
}

/** A membership that spreads each change to everybody after a delay of its own, in order per member. */
class Rumours {
  readonly views = new Map<string, SpreadMembership>()
  readonly #world: World
  readonly #delay: () => number

  constructor(world: World, delay: () => number) {
    this.#world = world
    this.#delay = delay
  }

  after(run: () => void): void {
    this.#world.time.at(this.#world.time.now + this.#delay(), run)
  }
}

interface KnownMember extends Member {
  version: number
  entries: Map<string, Entry>
}

class SpreadMembership implements Membership {
  readonly self: MemberRecord
  partial = false
  readonly #rumours: Rumours
  readonly #members = new Map<string, KnownMember>()
  readonly #listeners = new Set<(event: MembershipEvent) => void>()
  readonly #own = new Map<string, Entry>()
  readonly #acknowledged = new Map<string, number>()
  #waiting: (() => boolean)[] = []
  #version = 0

  constructor(peer: string, rumours: Rumours) {
    this.self = { peer, name: peer, region: undefined, zone: undefined, addresses: [], incarnation: 1 }
    this.#rumours = rumours
    for (const other of rumours.views.values()) {
      other.#meet(this)
      this.#meet(other)
    }
    rumours.views.set(peer, this)
  }

  #meet(other: SpreadMembership): void {
    const entries = new Map(other.#own)
    const member: KnownMember = { record: other.self, state: 'alive', version: other.#version, entries }
    this.#members.set(other.self.peer, member)
    this.#tell({ kind: 'member-up', member })
  }

  #tell(event: MembershipEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  /** The member is gone for everybody. */
  leave(): void {
    this.#rumours.views.delete(this.self.peer)
    for (const view of this.#rumours.views.values()) {
      const member = view.#members.get(this.self.peer)
      view.#members.delete(this.self.peer)
      if (member !== undefined) view.#tell({ kind: 'member-down', member, reason: 'left' })
      view.#settle()
    }
  }

  set(key: string, value: unknown): number {
    const entry = { key, value, version: ++this.#version }
    this.#own.set(key, entry)
    for (const peer of this.#members.keys()) this.#rumours.after(() => this.#spread(peer))
    return entry.version
  }

  delete(key: string): number {
    return this.set(key, undefined)
  }

  /** Brings one member up to date, and hears that it is. */
  #spread(peer: string): void {
    const other = this.#rumours.views.get(peer)
    if (other === undefined) return
    const known = other.#members.get(this.self.peer)
    if (known === undefined) return
    for (const entry of [...this.#own.values()].sort((a, b) => a.version - b.version)) {
      if (entry.version <= known.version) continue
      const before = known.entries.get(entry.key)
      known.entries.set(entry.key, entry)
      known.version = entry.version
      other.#tell({ kind: 'entry', member: known, entry, before })
    }
    const { version } = known
    this.#rumours.after(() => {
      this.#acknowledged.set(peer, Math.max(version, this.#acknowledged.get(peer) ?? 0))
      this.#settle()
    })
  }

  #settle(): void {
    this.#waiting = this.#waiting.filter((done) => !done())
  }

  announced(version: number, options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      options.signal?.addEventListener('abort', () => reject(options.signal!.reason))
      const done = () => {
        const all = [...this.#members.keys()].every((peer) => (this.#acknowledged.get(peer) ?? 0) >= version)
        if (all) resolve()
        return all
      }
      if (!done()) this.#waiting.push(done)
    })
  }

  async joined(): Promise<void> {}

  members(): Iterable<Member> {
    return this.#members.values()
  }

  member(peer: string): Member | undefined {
    return this.#members.get(peer)
  }

  subscribe(listener: (event: MembershipEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

export interface TestNode {
  name: string
  peer: string
  place: Place
  membership: SpreadMembership
  links: LinkTable
  pubsub: PubSub
  events: PubSubEvent[]
}

export interface TestMesh {
  world: World
  nodes: TestNode[]
  stop(): Promise<void>
}

export interface TestMeshOptions extends WorldOptions {
  limits?: Partial<PubSubLimits>
  /** ms that an announcement takes, uniform. */
  rumour?: readonly [number, number]
  window?: { frames: number; bytes: number }
}

/** `count` nodes that are connected each to each: real drivers and links over a simulated network. */
export async function createTestMesh(count: number, options: TestMeshOptions = {}): Promise<TestMesh> {
  const { limits = {}, rumour = [1, 200], window = { frames: 1_024, bytes: 2 ** 20 }, ...conditions } = options
  const world = new World(conditions)
  const dice = (await world.place('rumours')).dice
  const rumours = new Rumours(world, () => rumour[0] + dice.random() * (rumour[1] - rumour[0]))
  const nodes: TestNode[] = []
  for (let i = 0; i < count; i++) {
    const name = `node-${i}`
    const place = await world.place(name)
    const { host, broadcast } = place.network
    await host.start()
    const links = new LinkTable({
      host,
      clock: place.clock,
      dice: place.dice,
      formats: ['messagepack'],
      limits: {
        ...{ queueBytes: 2 ** 23, window, maxFrame: 2 ** 24, streamsPerPeer: 16 },
        ...{ handshakeTimeout: 5_000, readTimeout: 10_000, idleTimeout: 60_000 }
      },
      onEvent: () => {},
      onHeard: () => {}
    })
    const membership = new SpreadMembership(host.peer, rumours)
    const events: PubSubEvent[] = []
    const emit = (event: PubSubEvent) => void events.push(event)
    const { clock, dice } = place
    const overflow = {
      openSpill: () => assert.fail('no disk'),
      closeSpill: () => {},
      redirect: () => false,
      dropped: () => {},
      spilled: () => {}
    }
    const pubsub = createPubSub({ membership, links, broadcast, host, clock, dice, codec, emit, overflow, limits })
    nodes.push({ name, peer: host.peer, place, membership, links, pubsub, events })
  }
  await world.time.run(connect(nodes), 60_000)
  const stop = async () => {
    for (const { pubsub, links } of nodes) {
      await pubsub.stop()
      await world.time.run(links.stop(), 10_000)
    }
  }
  return { world, nodes, stop }
}

async function connect(nodes: TestNode[]): Promise<void> {
  for (const { place } of nodes) {
    for (const { peer, place: other } of nodes) place.network.host.learn(peer, other.network.host.addresses())
  }
  for (const [i, { place }] of nodes.entries()) {
    for (const { peer } of nodes.slice(i + 1)) await place.network.host.dial(peer)
  }
}

let serial = 0

export function message(topic: string, data: unknown): Message {
  return {
    ...{ specversion: '1.0', id: `m-${++serial}`, source: '/test', type: 'test', time: '2026-01-01T00:00:00.000Z' },
    data,
    routing: { pattern: 'publish-subscribe', topic }
  } as Message
}

/** Reads for ever; what was read is in the list. */
export function collect(subscription: Subscription): Message[] {
  const messages: Message[] = []
  void (async () => {
    for await (const message of subscription) messages.push(message)
  })()
  return messages
}
