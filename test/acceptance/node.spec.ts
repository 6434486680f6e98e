import assert from 'node:assert/strict'
import { createNode, type Node } from '../../src/index.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { record } from '../kit/record.ts'

describe('the API, “A node is one agent host”', function () {
  this.timeout(30_000)
  let mesh: Mesh<[object, object, object]>
  let a: Node
  let b: Node
  let c: Node

  before(async () => {
    mesh = await meshOf({}, {}, {})
    ;[a, b, c] = mesh.nodes
  })
  after(() => mesh[Symbol.asyncDispose]())

  it('ready: “messages can be routed”, at once, to what was registered before', async () => {
    const echo = ({ data }: { data: unknown }) => data
    await b.agent('early', { handle: { echo } })
    await using late = await createNode({ bootstrap: a.multiaddrs })
    await late.ready({ peers: 3, timeout: 15_000 })
    const caller = await late.agent('caller')
    assert.equal((await caller.request('early', 7, { type: 'echo' })).data, 7)
  })

  it('ready: bounded by its signal and its timeout, and named when it is asked for nonsense', async () => {
    const reason = new Error('enough')
    await assert.rejects(a.ready({ peers: 99, timeout: 20 }), { code: 'ERR_TIMEOUT', retryable: true })
    await assert.rejects(a.ready({ peers: 99, signal: AbortSignal.abort(reason) }), {
      code: 'ERR_ABORTED',
      cause: reason
    })
    for (const peers of [-1, 0.5, Number.NaN, '2' as never]) {
      await assert.rejects(a.ready({ peers }), { code: 'ERR_CONFIG', details: { key: 'peers' } })
    }
    await a.ready({ peers: 0 })
  })

  it('monitor: “up, down and moved”, and moved says from where', async () => {
    const heard = record(a.monitor('nomad'))
    const first = await b.agent('nomad')
    await heard.first(({ kind }) => kind === 'agent-up')
    await first.close()
    await heard.first(({ kind }) => kind === 'agent-down')
    const second = await c.agent('nomad')
    await heard.first(({ kind }) => kind === 'agent-moved')
    const [old, next] = [String(b.peerId), String(c.peerId)]
    assert.deepEqual(
      heard.all.map((change) => ({ ...change, at: 0 })),
      [
        { at: 0, kind: 'agent-up', name: 'nomad', instance: first.instance, peer: old },
        { at: 0, kind: 'agent-down', name: 'nomad', instance: first.instance, peer: old },
        { at: 0, kind: 'agent-up', name: 'nomad', instance: second.instance, peer: next },
        { at: 0, kind: 'agent-moved', name: 'nomad', instance: second.instance, peer: next, from: old }
      ]
    )
  })

  it('monitor: a name has not moved while somebody still has it, nor when it is back where it was', async () => {
    const heard = record(a.monitor('settled'))
    const [one, two] = [await b.agent('settled'), await c.agent('settled')]
    await one.close()
    await two.close()
    await c.agent('settled')
    await heard.first((change) => change.kind === 'agent-up' && heard.all.length >= 5)
    assert.deepEqual(
      heard.all.map(({ kind }) => kind),
      ['agent-up', 'agent-up', 'agent-down', 'agent-down', 'agent-up']
    )
  })

  it('“a PeerId is accepted as an object or as its string”', async () => {
    await Promise.all([b, c].map((node) => node.agent('anywhere', { receive: () => undefined })))
    const sender = await a.agent('sender')
    for (const peer of [c.peerId, String(c.peerId)]) {
      const receipt = await sender.send({ name: 'anywhere', peer }, 1, { delivery: 'at-least-once' })
      assert.equal(receipt.peer, String(c.peerId))
      assert.equal(a.explain({ data: 1 }, { name: 'anywhere', peer }).member?.peer, String(c.peerId))
    }
  })

  it('agent: a name is any text that the wire carries, and found by it', async () => {
    const caller = await a.agent('linguist')
    for (const name of ['a b', 'a/b?c#d%', '日本', '__proto__', '*', '..', 'ü'.repeat(127)]) {
      await b.agent(name, { handle: { who: (_, { sender }) => sender.agent } })
      assert.equal((await caller.request(name, 1, { type: 'who' })).data, 'linguist', name)
      const back = await b.agent(`of ${name}`.slice(0, 120))
      await a.agent(`for ${name}`.slice(0, 120), { handle: { who: (_, { sender }) => sender.agent } })
      assert.equal((await back.request(`for ${name}`.slice(0, 120), 1, { type: 'who' })).data, back.name)
    }
    for (const name of ['', 'x'.repeat(256), 'a\nb', '\ud800', 5 as never, undefined as never]) {
      await assert.rejects(a.agent(name), { code: 'ERR_CONFIG', details: { key: 'name' } })
    }
  })

  it('libp2p: “the libp2p host underneath”', () => {
    assert.ok(a.libp2p.peerId.equals(a.peerId))
    assert.equal(a.libp2p.status, 'started')
  })

  it('stop: a timeout that is none is named, and the node goes on', async () => {
    for (const timeout of [-1, '5', Number.NaN] as never[]) {
      await assert.rejects(a.stop({ timeout }), { code: 'ERR_CONFIG', details: { key: 'timeout' } })
    }
    assert.equal(a.state, 'started')
  })

  it('stop: what is held afterwards says ERR_STOPPED, whatever it is asked', async () => {
    const node = await createNode({ bootstrap: a.multiaddrs })
    await node.ready({ peers: 3, timeout: 15_000 })
    const agent = await node.agent('survivor')
    await node.stop()
    assert.deepEqual([node.agents('survivor'), node.multiaddrs], [[], []])
    const parts = async () => {
      for await (const part of agent.stream('anywhere', 1)) assert.fail(String(part))
    }
    const calls: Record<string, () => unknown> = {
      ready: () => node.ready(),
      agent: () => node.agent('another'),
      pipeline: () => node.pipeline('p', { stages: [{ name: 's', agent: 'anywhere' }] }),
      send: () => agent.send('anywhere', 1),
      acknowledged: () => agent.send('anywhere', 1, { delivery: 'at-least-once' }),
      all: () => agent.send('anywhere', 1, { to: 'all' }),
      request: () => agent.request('anywhere', 1),
      stream: parts,
      publish: () => agent.publish('a.topic', 1),
      subscribe: () => agent.subscribe('a.topic'),
      receive: () => agent.receive(() => undefined)
    }
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(async () => call(), { code: 'ERR_STOPPED' }, name)
    }
  })
})
