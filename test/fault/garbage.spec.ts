import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { FrameWriter } from '../../protocols/framing/frame-writer.ts'
import { encodeCredit, encodeHello } from '../../protocols/framing/messages.ts'
import type { Agent, Node, NodeEvent } from '../../src/index.ts'
import type { Dice } from '../../src/runtime/ports.ts'
import { seededDice } from '../../src/testing/dice.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { type Recording, record } from '../kit/record.ts'
import { type Stranger, strangerTo } from '../kit/stranger.ts'
import { until } from '../kit/until.ts'

const HELLO = 0x00
const CREDIT = 0x01
const COUNTED = 0x80
const PROTOCOL_KINDS = Array.from({ length: 16 }, (_, i) => 0x10 + i)

function frame(kind: number, body: Uint8Array): Uint8Array {
  const writer = new FrameWriter(1_024)
  const at = writer.begin(kind, body.length)
  writer.buffer.set(body, at)
  writer.end(at + body.length)
  return writer.seal()
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const helloOf = (version: number): Uint8Array =>
  frame(HELLO, encodeHello({ version, frames: 100, bytes: 100_000, maxFrame: 1 << 20, formats: ['messagepack'] }))
const hello = helloOf(1)

/** What a stranger says on a stream, and the code of the refusal that it earns. */
const attacks: Record<string, { says: Uint8Array[]; code: string }> = {
  'nothing at all': { says: [], code: 'ERR_LIMIT' },
  'half a length': { says: [bytes(0xff)], code: 'ERR_LIMIT' },
  'half a hello': { says: [hello.subarray(0, 9)], code: 'ERR_LIMIT' },
  'a frame that never ends': { says: [hello, bytes(0x90, 0x4e, 0x10, 1, 2, 3)], code: 'ERR_LIMIT' },
  'a length of 256 MiB': { says: [bytes(0xff, 0xff, 0xff, 0x7f)], code: 'ERR_MESSAGE_TOO_LARGE' },
  'a length of 256 MiB after its hello': {
    says: [hello, bytes(0xff, 0xff, 0xff, 0x7f)],
    code: 'ERR_MESSAGE_TOO_LARGE'
  },
  'a length that does not end': { says: [bytes(0xff, 0xff, 0xff, 0xff, 0xff)], code: 'ERR_MALFORMED' },
  'an empty frame': { says: [hello, bytes(0)], code: 'ERR_MALFORMED' },
  'no hello first': { says: [frame(0x10, bytes(1, 2, 3))], code: 'ERR_PROTOCOL' },
  'credit before its hello': { says: [frame(CREDIT, encodeCredit({ frames: 9, bytes: 9 }))], code: 'ERR_PROTOCOL' },
  'credit that is no number': { says: [hello, frame(CREDIT, bytes(0xff))], code: 'ERR_MALFORMED' },
  'two hellos': { says: [hello, hello], code: 'ERR_PROTOCOL' },
  'a hello that is no MessagePack': { says: [frame(HELLO, bytes(0xc1, 0xff, 0xff))], code: 'ERR_MALFORMED' },
  'a hello that is no map': { says: [frame(HELLO, bytes(0x2a))], code: 'ERR_MALFORMED' },
  'a hello of another version': { says: [helloOf(99)], code: 'ERR_UNSUPPORTED' },
  'a framing kind that nobody knows': { says: [hello, frame(0x0f, bytes(1))], code: 'ERR_PROTOCOL' },
  'a protocol kind that nobody knows': { says: [hello, frame(0x6f, bytes(1))], code: 'ERR_PROTOCOL' },
  'an HTTP request': {
    says: [Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: none of ours\r\nAccept: */*\r\n\r\n')],
    code: 'ERR_PROTOCOL'
  }
}

describe('a stranger that talks garbage', function () {
  this.timeout(60_000)
  let mesh: Mesh<[object, object]>
  let node: Node
  let caller: Agent
  let stranger: Stranger
  let ours: string[]
  let events: Recording<NodeEvent>
  let dice: Dice

  const noise = (length: number): Uint8Array => dice.bytes(length)
  const refused = (code: string): number =>
    events.all.filter((event) => {
      if (event.kind !== 'refused' || event.peer !== stranger.peer || !('code' in event)) return false
      // Our own attempt to speak with the stranger ends with this code too.
      return event.code === code && !(code === 'ERR_UNSUPPORTED' && event.message.includes('does not speak'))
    }).length
  const over = ({ status }: Stream): boolean => status !== 'open'

  before(async () => {
    const limits = { handshakeTimeout: 400, readTimeout: 400 }
    mesh = await meshOf({ limits }, {})
    node = mesh.nodes[0]
    await node.agent('worker', { handle: { double: ({ data }) => data * 2 } })
    caller = await mesh.nodes[1].agent('caller')
    ours = node.libp2p.getProtocols().filter((id) => /^\/phoenix\/.*\/(control|normal|bulk)$/.test(id))
    events = record(node.events())
    const seed = process.env.SEED ?? String(Math.floor(Math.random() * 2 ** 31))
    dice = seededDice(seed)
    console.log(`      SEED=${seed}`)
  })
  after(() => mesh[Symbol.asyncDispose]())

  beforeEach(async () => {
    stranger = await strangerTo(node)
  })
  afterEach(async () => {
    // Whatever it was: it cost the stranger its streams, not its connection, and nobody else anything.
    assert.equal(stranger.connection.status, 'open')
    assert.equal((await caller.request('worker', 21, { type: 'double' })).data, 42)
    await stranger[Symbol.asyncDispose]()
  })

  it('finds our eight protocols, each with its lanes', () => {
    const names = new Set(ours.map((id) => id.split('/')[2]))
    const eight = ['causality', 'consensus', 'overlay', 'point-to-point', 'publish-subscribe', 'raft']
    assert.deepEqual([...names].sort(), [...eight, 'rate-limits', 'request-response'])
  })

  for (const [what, { says, code }] of Object.entries(attacks)) {
    it(`loses each stream on which it says ${what}, and that is counted as ${code}`, async () => {
      const before = refused(code)
      const streams = await Promise.all(ours.map((protocol) => stranger.open(protocol)))
      for (const stream of streams) for (const chunk of says) stream.send(chunk)
      await until('every stream to be reset', () => streams.every(over))
      await until('every refusal to be told', () => refused(code) >= before + ours.length)
    })
  }

  it('loses each stream on which it sends beyond its credit', async () => {
    const streams = await Promise.all(ours.map((protocol) => stranger.open(protocol)))
    const large = frame(0x10 | COUNTED, new Uint8Array(100_000))
    for (const stream of streams) {
      stream.send(hello)
      for (let i = 0; i < 100 && !over(stream); i++) stream.send(large)
    }
    await until('every stream to be reset', () => streams.every(over))
  })

  it('harms nobody with noise, on any protocol that the node has', async () => {
    const all = node.libp2p.getProtocols()
    for (let round = 0; round < 4; round++) {
      const streams = await Promise.allSettled(all.map((protocol) => stranger.open(protocol)))
      for (const opened of streams) {
        if (opened.status === 'rejected') continue
        const { value: stream } = opened
        if (ours.includes(stream.protocol) && round > 0) stream.send(hello)
        for (let i = 0; i < 3 && !over(stream); i++) stream.send(noise(1 + Math.floor(dice.random() * 2_000)))
        if (round % 2 === 1) stream.abort(new Error('gone'))
      }
      assert.equal((await caller.request('worker', round, { type: 'double' })).data, round * 2)
    }
  })

  it('harms nobody with frames whose bodies are noise, of every kind', async () => {
    for (const protocol of ours) {
      for (const kind of PROTOCOL_KINDS) {
        const stream = await stranger.open(protocol)
        stream.send(hello)
        for (let i = 0; i < 4 && !over(stream); i++) {
          stream.send(frame(i % 2 === 0 ? kind : kind | COUNTED, noise(Math.floor(dice.random() * 40))))
        }
        void stream.close().catch(() => {})
      }
      assert.equal((await caller.request('worker', 1, { type: 'double' })).data, 2)
    }
    for (const event of events.all) {
      if (event.kind !== 'refused' || !('code' in event)) continue
      assert.match(event.code, /^ERR_(PROTOCOL|MALFORMED|MESSAGE_TOO_LARGE|LIMIT|UNSUPPORTED|UNTRUSTED)$/)
    }
  })

  it('gets no more than its share of streams, however many thousands it opens', async () => {
    const held = (): number => node.libp2p.getConnections(stranger.libp2p.peerId)[0]?.streams.length ?? 0
    const streams: Stream[] = []
    for (let round = 0; round < 30; round++) {
      const wave = Array.from({ length: 40 }, (_, i) => stranger.open(ours[i % ours.length]!))
      for (const opened of await Promise.allSettled(wave)) {
        if (opened.status === 'rejected') continue
        if (!over(opened.value)) opened.value.send(hello)
        streams.push(opened.value)
      }
      assert.equal((await caller.request('worker', round, { type: 'double' })).data, round * 2)
    }
    assert.ok(streams.length > 500, `${streams.length} streams were opened at all`)
    await until('the surplus to be refused', () => held() <= 80 && streams.filter((one) => !over(one)).length <= 80)
    assert.ok(refused('ERR_LIMIT') > 400)
  })

  it('may lose its connection when it opens a thousand at once, and nobody else loses anything', async () => {
    await using hasty = await strangerTo(node)
    await Promise.allSettled(Array.from({ length: 1_000 }, (_, i) => hasty.open(ours[i % ours.length]!)))
    assert.equal((await caller.request('worker', 4, { type: 'double' })).data, 8)
    assert.ok((node.libp2p.getConnections(hasty.libp2p.peerId)[0]?.streams.length ?? 0) <= 700)
  })

  it('harms nobody with sockets that say nothing, or nothing sensible', async () => {
    const port = Number(String(node.multiaddrs[0]).split('/')[4])
    const sockets = Array.from({ length: 100 }, () => connect(port, '127.0.0.1'))
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    for (const [i, socket] of sockets.entries()) {
      socket.on('error', () => {})
      if (i % 2 === 0) socket.write(noise(500))
    }
    assert.equal((await caller.request('worker', 5, { type: 'double' })).data, 10)
    for (const socket of sockets) socket.destroy()
  })
})
