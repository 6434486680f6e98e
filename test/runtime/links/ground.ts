import { Kind } from '../../../protocols/framing/constants.ts'
import { FrameReader } from '../../../protocols/framing/frame-reader.ts'
import { FrameWriter } from '../../../protocols/framing/frame-writer.ts'
import { encodeHello, type Hello } from '../../../protocols/framing/messages.ts'
import type { StreamLink } from '../../../src/runtime/links/link.ts'
import { type LinkEvent, LinkTable, type LinkTableOptions } from '../../../src/runtime/links/table.ts'
import type { Lane, Link, LinkHandler } from '../../../src/runtime/links/types.ts'
import type { Channel } from '../../../src/runtime/ports.ts'
import { type Place, World, type WorldOptions } from '../../../src/testing/world.ts'

export const PROTOCOL = '/test/links/1.0.0'
/** The one kind of this protocol that must cost credit, and one that must not. */
export const WORD = 0x10
export const SIGN = 0x11

export const LIMITS: LinkTableOptions['limits'] = {
  queueBytes: 1 << 20,
  window: { frames: 1024, bytes: 262_144 },
  maxFrame: 16 * 2 ** 20 + 65_536,
  streamsPerPeer: 4,
  handshakeTimeout: 10_000,
  readTimeout: 30_000,
  idleTimeout: 300_000
}

export interface Received {
  link: Link
  kind: number
  text: string
  bytes: number
}

/** One node's links, and what came over them. */
export class Station implements LinkHandler {
  readonly protocol = PROTOCOL
  readonly lanes: readonly Lane[] = ['control', 'normal', 'bulk']
  readonly counted = new Set([WORD])
  readonly received: Received[] = []
  readonly closed_: { link: Link; error: Error | undefined }[] = []
  readonly events: LinkEvent[] = []
  readonly table: LinkTable
  readonly place: Place
  /** False: what comes is kept unconsumed. */
  consuming = true
  keptOpen = false

  constructor(place: Place, limits: Partial<LinkTableOptions['limits']>) {
    this.place = place
    this.table = new LinkTable({
      host: place.network.host,
      clock: place.clock,
      dice: place.dice,
      formats: ['messagepack', 'json'],
      limits: { ...LIMITS, ...limits },
      onEvent: (event) => this.events.push(event),
      onHeard: () => {}
    })
    this.table.register(this)
  }

  get peer(): string {
    return this.place.network.host.peer
  }

  get texts(): string[] {
    return this.received.map(({ text }) => text)
  }

  frame(link: Link, kind: number, body: Uint8Array): void {
    const text = body.length > 100 ? '' : Buffer.from(body).toString()
    this.received.push({ link, kind, text, bytes: body.length })
    if (kind === WORD && this.consuming) link.consumed(body.length)
  }

  closed(link: Link, error?: Error): void {
    this.closed_.push({ link, error })
  }

  busy(): boolean {
    return this.keptOpen
  }

  /** Gives back the credit of all that was kept. */
  consumeKept(): void {
    this.consuming = true
    for (const { link, kind, bytes } of this.received) if (kind === WORD) link.consumed(bytes)
  }

  to(other: Station, lane: Lane = 'normal'): StreamLink {
    return this.table.to(other.peer, PROTOCOL, lane)
  }

  refusals(): Record<string, number> {
    return Object.fromEntries(this.table.refusals)
  }
}

export const text = (value: string): Uint8Array => Buffer.from(value)

/** Stations a, b, … that can dial each other. */
export async function stations(count: number, limits: Partial<LinkTableOptions['limits']> = {}, world?: WorldOptions) {
  const w = new World({ latency: [1, 1], fragmentation: 0, ...world })
  const all: Station[] = []
  for (let i = 0; i < count; i++) {
    const place = await w.place('abcdefgh'[i]!)
    await place.network.host.start()
    all.push(new Station(place, limits))
  }
  for (const { place } of all) {
    for (const other of all) place.network.host.learn(other.peer, other.place.network.host.addresses())
  }
  const [a, b] = all as [Station, Station]
  return { world: w, time: w.time, all, a, b }
}

const HELLO: Hello = { version: 1, frames: 1024, bytes: 262_144, maxFrame: 1 << 20, formats: ['messagepack'] }

/** Frames as bytes, one behind the other. */
export function framed(...frames: [kind: number, body: Uint8Array][]): Uint8Array {
  const writer = new FrameWriter(1 << 16)
  for (const [kind, body] of frames) {
    const at = writer.begin(kind, body.length)
    writer.buffer.set(body, at)
    writer.end(at + body.length)
  }
  return writer.seal()
}

export const hello = (over: Partial<Hello> = {}): [number, Uint8Array] => [
  Kind.hello,
  encodeHello({ ...HELLO, ...over })
]

/** A peer that speaks whatever it likes to `to`. */
export interface Rogue {
  channel: Channel
  frames: { kind: number; body: Uint8Array }[]
  /** How its stream ended, once it did. */
  ended: string | undefined
}

export async function rogue(world: World, from: Place, to: Station, lane: Lane = 'normal'): Promise<Rogue> {
  const opened = from.network.host.open(to.peer, `${PROTOCOL}/${lane}`)
  const channel = await world.time.run(opened, 60_000)
  const self: Rogue = { channel, frames: [], ended: undefined }
  const reader = new FrameReader(1 << 24, (kind, body) => self.frames.push({ kind, body: Uint8Array.from(body) }))
  channel.onBytes = (chunk) => reader.push(chunk)
  channel.onClose = (error) => {
    self.ended = error === undefined ? 'good order' : ((error as { code?: string }).code ?? 'error')
  }
  return self
}
