import assert from 'node:assert/strict'
import { BlockDecoder, decodeStamp } from '../../../protocols/causality/block-decoder.ts'
import { BlockEncoder, encodeStamp } from '../../../protocols/causality/block-encoder.ts'
import { DestinationKind, isTwofold, MAX_ENTRIES, Way, wayOf } from '../../../protocols/causality/constants.ts'
import type { IncomingStamp, OutgoingStamp } from '../../../protocols/causality/messages.ts'
import { Cursor } from '../../../protocols/envelope/varint.ts'
import { Agenda } from '../../../scripts/simulate/agenda.ts'
import type { Mark } from '../../../src/core/causality/destination.ts'
import { type CausalInput, CausalOrder, type PublicationSource } from '../../../src/core/causality/order.ts'
import type { CausalEffect } from '../../../src/core/causality/types.ts'

export interface WorldOptions {
  hosts: number
  topics: number
  /** ms of a frame's way, drawn anew for each. */
  delay: readonly [number, number]
  random: () => number
  /** Hosts that will crash: what goes through them is not promised to anybody. */
  doomed?: number
}

/** One transmission with a number of its own. */
export interface Event {
  readonly id: number
  readonly from: string
  readonly to: ReadonlySet<string>
  readonly past: ReadonlySet<number>
  readonly once: boolean
}

interface Packet {
  readonly event: Event
  /** Of a publication that goes two ways to one host, one copy comes by each. */
  readonly way: Way
  readonly to: string
  readonly acknowledge: (() => void) | undefined
}

interface Stream {
  readonly encoder: BlockEncoder
  readonly decoder: BlockDecoder
  last: number
  broken: boolean
  /** Called when it breaks before they have arrived, or before they are acknowledged. */
  readonly failures: Set<() => void>
}

interface Host {
  readonly name: string
  readonly order: CausalOrder<Packet>
  readonly doomed: boolean
  /** Of its at-most-once and of its at-least-once subscriptions. */
  readonly topics: ReadonlySet<string>
  readonly assured: ReadonlySet<string>
  down: boolean
  /** Everything before what it sends next. */
  readonly history: Set<number>
  /** Everything before what it has been handed. */
  readonly followed: Set<number>
  /** By number and way. */
  readonly handed: Set<string>
  /** Publications for at-least-once subscriptions that each peer has not taken. */
  readonly untaken: Map<string, number>
  /** And those that it has not received, by their numbers. */
  readonly unreceived: Map<string, number[]>
  /** What waits until less is unconfirmed. */
  readonly backlog: (() => void)[]
}

/** Hosts that send to each other over streams that delay, break and overtake one another. Checks each message that is handed out. */
export class World {
  readonly hosts: Host[] = []
  readonly agenda = new Agenda()
  readonly stats = {
    sent: 0,
    handed: 0,
    waited: 0,
    late: 0,
    gaps: 0,
    entries: 0,
    most: 0,
    blocked: 0,
    bytes: 0,
    frames: 0
  }
  readonly #options: WorldOptions
  readonly #byName = new Map<string, Host>()
  readonly #streams = new Map<string, Stream>()
  readonly #outstanding = new Set<number>()
  #serial = 0

  constructor(options: WorldOptions) {
    this.#options = options
    const { hosts, topics, random, doomed = 0 } = options
    for (let i = 0; i < hosts; i++) {
      const name = `h${i}`
      const some = () =>
        new Set(Array.from({ length: topics }, (_, t) => `t${t}`).filter(() => random() < Math.min(0.5, 8 / hosts)))
      const host: Host = {
        ...{
          name,
          doomed: i < doomed,
          down: false,
          topics: some(),
          assured: some(),
          history: new Set(),
          followed: new Set()
        },
        ...{ handed: new Set(), backlog: [], untaken: new Map(), unreceived: new Map() },
        order: new CausalOrder<Packet>({
          self: name,
          epoch: 1,
          wants: (kind, topic) => (kind === DestinationKind.assured ? host.assured : host.topics).has(topic),
          alive: (peer) => !this.#byName.get(peer)!.down,
          retained: (peer) => (host.untaken.get(peer) ?? 0) > 0,
          unreceived: (peer) => host.unreceived.get(peer)?.[0] ?? Number.POSITIVE_INFINITY
        })
      }
      this.hosts.push(host)
      this.#byName.set(name, host)
      this.#tickLater(host)
    }
  }

  get #now(): number {
    return this.agenda.now
  }

  #later(): number {
    const [least, most] = this.#options.delay
    return least + (most - least) * this.#options.random()
  }

  /** At-least-once messages that were not acknowledged, and messages that wait for others. */
  get open(): number {
    return (
      this.#outstanding.size + this.hosts.reduce((sum, { order, down }) => sum + (down ? 0 : order.arrivals.waiting), 0)
    )
  }

  // ---- sending -----------------------------------------------------------------------------------------------------

  #record(from: Host, to: Iterable<string>, once: boolean): Event {
    const id = ++this.#serial
    const past = from.doomed ? new Set<number>() : new Set(from.history)
    const event = { id, from: from.name, to: new Set(to), past, once }
    if (!from.doomed) from.history.add(id)
    this.stats.sent++
    return event
  }

  /** Runs `send` when so little is unconfirmed that one message can carry it. */
  #whenRoom(host: Host, send: () => void): void {
    if (host.backlog.length > 0 || host.order.sending.full) {
      this.stats.blocked++
      host.backlog.push(send)
    } else send()
  }

  #flush(host: Host): void {
    while (host.backlog.length > 0 && !host.order.sending.full && !host.down) host.backlog.shift()!()
  }

  #measured(stamp: OutgoingStamp): void {
    const { dependencies, own, again } = stamp
    const entries = dependencies.length - (own !== undefined && dependencies.includes(own) ? 1 : 0) + again.length
    this.stats.entries += entries
    this.stats.most = Math.max(this.stats.most, entries)
    if (again.length === 0) assert.ok(entries <= MAX_ENTRIES, `${entries} entries`)
  }

  atMostOnce(from: Host, to: Host, lane: string): void {
    this.#whenRoom(from, () => {
      if (from.down) return
      const { sending } = from.order
      const target = sending.destination(DestinationKind.host, to.name)
      const event = this.#record(from, [to.name], true)
      this.#frame(from, to, lane, sending.stamp(target), {
        ...{ event, way: Way.link, to: to.name, acknowledge: undefined }
      })
      sending.sent(target, this.#now)
    })
  }

  /** Until it is acknowledged; after its stream broke perhaps to another host, `others` of them. */
  atLeastOnce(from: Host, to: Host, lane: string, others: readonly Host[]): void {
    this.#whenRoom(from, () => {
      if (from.down || to.down) return
      const { sending } = from.order
      const target = sending.destination(DestinationKind.host, to.name)
      const event = this.#record(from, [to.name], false)
      this.#outstanding.add(event.id)
      let mark: Mark | undefined
      const transmit = (stamp: OutgoingStamp): void => {
        const fail = (): void => {
          if (from.down) this.#outstanding.delete(event.id)
          else this.agenda.after(this.#later() * 4, again)
        }
        const acknowledge = (): void => {
          stream.failures.delete(fail)
          if (!this.#outstanding.delete(event.id) || from.down) return
          sending.settle(mark!, true)
        }
        const stream = this.#frame(from, to, lane, stamp, {
          ...{ event, way: Way.link, to: to.name, acknowledge }
        })
        stream.failures.add(fail)
      }
      const again = (): void => {
        if (!this.#outstanding.has(event.id)) return
        const other = others[0]
        if (from.down) this.#outstanding.delete(event.id)
        else if (to.down || (other !== undefined && this.#options.random() < 0.3)) {
          sending.settle(mark!, false)
          this.#outstanding.delete(event.id)
          if (other !== undefined && !other.down) this.atLeastOnce(from, other, lane, others.slice(1))
        } else transmit(sending.stampAgain(mark!))
      }
      transmit(sending.stamp(target))
      mark = sending.sentUntilSettled(target, this.#now)
    })
  }

  publish(from: Host, topic: string, kind: DestinationKind): void {
    this.#whenRoom(from, () => {
      if (from.down) return
      const { sending } = from.order
      const others = this.hosts.filter((host) => host !== from && !host.down)
      const assured = kind === DestinationKind.assured || isTwofold(kind)
      const ways = new Map<Way, Host[]>()
      if (kind !== DestinationKind.assured)
        ways.set(
          wayOf(kind),
          others.filter(({ topics }) => topics.has(topic))
        )
      if (assured)
        ways.set(
          Way.assured,
          others.filter((host) => host.assured.has(topic))
        )
      const event = this.#record(from, [from.name, ...[...ways.values()].flat().map(({ name }) => name)], true)
      const stamp = sending.stampMany()
      this.#measured(stamp)
      const block = encodeStamp(kind, stamp)
      this.#count(block.length)
      const by = (way: Way) => (ways.get(way) ?? []).map(({ name }) => sending.destination(DestinationKind.host, name))
      const once = kind === DestinationKind.assured ? [] : by(wayOf(kind))
      sending.published(sending.destination(kind, topic), once, by(Way.assured), this.#now)
      for (const [way, hosts] of ways) {
        for (const to of hosts) this.#copy(from, to, way, { kind, way, topic, producer: from.name }, event, block)
      }
    })
  }

  /** gossip: in no order, and now and then never. The stream of at-least-once subscriptions repairs itself, slowly. */
  #copy(from: Host, to: Host, way: Way, source: PublicationSource, event: Event, block: Uint8Array): void {
    const assured = way === Way.assured
    if (assured) from.untaken.set(to.name, (from.untaken.get(to.name) ?? 0) + 1)
    const take = (): void => void from.untaken.set(to.name, from.untaken.get(to.name)! - 1)
    const packet = { event, way, to: to.name, acknowledge: assured ? take : undefined }
    const arrive = (): void => this.#arrive(to, decodeStamp(block).stamp, from.name, packet, source)
    if (way === Way.link) this.#carry(from, to, 'p', arrive)
    else if (assured) {
      const numbers = from.unreceived.get(to.name) ?? []
      from.unreceived.set(to.name, numbers)
      numbers.push(from.order.sending.last)
      const taken = (): void => {
        numbers.shift()
        arrive()
      }
      this.#carry(from, to, 'q', taken, 3)
    } else if (this.#options.random() > 0.02) this.agenda.after(this.#later(), arrive)
  }

  #frame(from: Host, to: Host, lane: string, stamp: OutgoingStamp, packet: Packet): Stream {
    this.#measured(stamp)
    const stream = this.#stream(from, to, lane)
    const out = Buffer.alloc(stream.encoder.measure(stamp))
    const block = out.subarray(0, stream.encoder.write(out, 0, stamp))
    this.#count(block.length)
    return this.#carry(from, to, lane, () => {
      stream.decoder.read(new Cursor().open(block))
      this.#arrive(to, stream.decoder, from.name, packet)
    })
  }

  #count(bytes: number): void {
    this.stats.frames++
    this.stats.bytes += bytes
  }

  #stream(from: Host, to: Host, lane: string): Stream {
    const key = `${from.name}>${to.name}/${lane}`
    let stream = this.#streams.get(key)
    if (stream === undefined) {
      stream = { encoder: new BlockEncoder(), decoder: new BlockDecoder(), last: 0, broken: false, failures: new Set() }
      this.#streams.set(key, stream)
    }
    return stream
  }

  /** In order on one stream, unless it breaks first. */
  #carry(from: Host, to: Host, lane: string, arrive: () => void, slower = 1): Stream {
    const stream = this.#stream(from, to, lane)
    stream.last = Math.max(stream.last, this.#now + slower * this.#later())
    this.agenda.after(stream.last - this.#now, () => {
      if (!stream.broken && !to.down) arrive()
    })
    return stream
  }

  // ---- receiving ---------------------------------------------------------------------------------------------------

  #arrive(to: Host, stamp: IncomingStamp, from: string, packet: Packet, publication?: PublicationSource): void {
    if (to.down) return
    const sink = { push: (effect: CausalEffect<Packet>) => this.#perform(to, effect) }
    const goes =
      publication === undefined
        ? to.order.arrive(stamp, from, packet, 1, this.#now, sink)
        : to.order.arrivePublication(stamp, publication, packet, 1, this.#now, sink)
    if (goes) {
      this.#hand(to, packet)
      to.order.release(this.#now, sink)
    }
    this.#flush(to)
  }

  #perform(host: Host, effect: CausalEffect<Packet>): void {
    switch (effect.kind) {
      case 'hand':
        this.stats.waited++
        this.#hand(host, effect.item)
        break
      case 'late':
        this.stats.late++
        if (!effect.item.event.once) this.#hand(host, effect.item)
        break
      case 'gap':
        this.stats.gaps++
        break
      case 'ask':
      case 'passed':
        this.#tell(host, effect.peer, { kind: effect.kind, peer: host.name, statement: effect.statement })
        break
      case 'missing':
      case 'fill':
      case 'coming':
        this.#tell(host, effect.peer, { ...effect, peer: host.name } as CausalInput)
        break
    }
  }

  #tell(from: Host, peer: string, input: CausalInput): void {
    const to = this.#byName.get(peer)!
    this.#carry(from, to, 'c', () => this.handle(to, input))
  }

  handle(host: Host, input: CausalInput): void {
    if (host.down) return
    host.order.handle(input, this.#now, { push: (effect) => this.#perform(host, effect) })
    this.#flush(host)
  }

  #hand(host: Host, packet: Packet): void {
    this.stats.handed++
    this.#check(host, packet.event, packet.way)
    const { acknowledge } = packet
    if (acknowledge !== undefined) this.agenda.after(this.#later(), acknowledge)
  }

  /** A message that something has followed already comes too late, unless it is a repetition. */
  #check(host: Host, event: Event, way: Way): void {
    if (event.past.has(event.id)) return
    const copy = `${event.id}/${way}`
    const again = host.handed.has(copy)
    assert.ok(
      again || !host.followed.has(event.id),
      `${host.name} was handed ${event.id} of ${event.from} after what follows it`
    )
    host.handed.add(copy)
    for (const id of event.past) host.followed.add(id)
    if (this.#byName.get(event.from)!.doomed) return
    for (const id of event.past) host.history.add(id)
    host.history.add(event.id)
  }

  // ---- faults ------------------------------------------------------------------------------------------------------

  /** Every stream from one host to another breaks, with all that is on it. */
  sever(from: Host, to: Host): void {
    for (const lane of ['a', 'b', 'p', 'c']) {
      const key = `${from.name}>${to.name}/${lane}`
      const stream = this.#streams.get(key)
      if (stream === undefined) continue
      this.#streams.delete(key)
      stream.broken = true
      this.handle(from, { kind: 'severed', peer: to.name })
      for (const fail of [...stream.failures]) fail()
    }
  }

  /** The host is no more; the others hear of it, each in its time. */
  crash(host: Host): void {
    host.down = true
    for (const other of this.hosts) {
      if (other === host) continue
      this.sever(host, other)
      this.sever(other, host)
      this.agenda.after(this.#later(), () => this.handle(other, { kind: 'gone', peer: host.name }))
    }
  }

  #tickLater(host: Host): void {
    this.agenda.after(10, () => {
      if (host.down) return
      if (host.order.active) this.handle(host, { kind: 'tick' })
      this.#tickLater(host)
    })
  }

  run(ms: number): void {
    this.agenda.run(ms)
  }
}
