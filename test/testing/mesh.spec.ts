import assert from 'node:assert/strict'
import { createMesh, type Mesh, type MeshOptions } from '../../src/testing/index.ts'

async function withMesh(options: MeshOptions, work: (mesh: Mesh) => Promise<void>): Promise<void> {
  await using mesh = await createMesh(options)
  await work(mesh)
}

/** Every pattern once, over a poor network; returns what the network saw. */
async function dayInTheLife(seed: number): Promise<{ lines: readonly string[]; digest: string }> {
  const mesh = await createMesh({ nodes: 4, seed, latency: [1, 20], loss: 0.05 })
  const [a, b, c] = mesh.nodes
  const heard: unknown[] = []
  const worker = await mesh.run(b!.agent('worker', { receive: () => undefined, handle: { echo: ({ data }) => data } }))
  const caller = await mesh.run(a!.agent('caller'))
  const listener = await mesh.run(c!.agent('listener'))
  const subscription = listener.subscribe('day.*')
  void (async () => {
    for await (const message of subscription) heard.push(message.data)
  })()
  await mesh.run(subscription.ready)
  for (let i = 0; i < 10; i++) {
    await mesh.run(caller.send('worker', { i }, { delivery: 'at-least-once' }))
    await mesh.run(caller.request('worker', { i }, { type: 'echo' }))
    await mesh.run(worker.publish('day.news', { i }))
  }
  mesh.partition([0, 1], [2, 3])
  await mesh.advance(10_000)
  mesh.heal()
  await mesh.advance(10_000)
  await mesh.stop()
  return { lines: mesh.trace.lines, digest: mesh.trace.digest() }
}

describe('a simulated mesh', () => {
  it('knows itself once it is made: names, regions, zones', async () => {
    const nodes = [{ name: 'first', region: 'eu', zone: 'eu-a' }, { name: 'second', region: 'us' }, {}]
    await withMesh({ nodes }, async (mesh) => {
      const seen = mesh.nodes[2]!.peers().map(({ name, region, zone, transport }) => ({
        name,
        region,
        zone,
        transport
      }))
      assert.deepEqual(
        seen.sort((a, b) => a.name.localeCompare(b.name)),
        [
          { name: 'first', region: 'eu', zone: 'eu-a', transport: 'memory' },
          { name: 'second', region: 'us', zone: undefined, transport: seen[1]!.transport }
        ]
      )
      assert.equal(mesh.nodes[2]!.name, 'node-2')
    })
  })

  it('stands still until time is advanced', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const lines = mesh.trace.lines.length
      await new Promise((resolve) => setTimeout(resolve, 20))
      assert.equal(mesh.trace.lines.length, lines)
    })
  })

  it('carries requests and replies', async () => {
    await withMesh({ nodes: 3, latency: [1, 20] }, async (mesh) => {
      await mesh.run(mesh.nodes[1]!.agent('adder', { handle: { add: ({ data }) => data.x + data.y } }))
      const caller = await mesh.run(mesh.nodes[2]!.agent('caller'))
      const reply = await mesh.run(caller.request('adder', { x: 2, y: 3 }, { type: 'add' }))
      assert.equal(reply.data, 5)
    })
  })

  it('delivers at least once what is sent at least once, whatever is lost', async () => {
    await withMesh({ nodes: 3, seed: 9, latency: [1, 50], loss: 0.2 }, async (mesh) => {
      const handled = new Map<number, number>()
      const receive = ({ data }: { data: number }) => void handled.set(data, (handled.get(data) ?? 0) + 1)
      await mesh.run(mesh.nodes[1]!.agent('worker', { receive }))
      const sender = await mesh.run(mesh.nodes[0]!.agent('sender'))
      const numbers = Array.from({ length: 200 }, (_, i) => i)
      const sends = numbers.map((n) => sender.send('worker', n, { delivery: 'at-least-once' }))
      const receipts = await mesh.run(Promise.all(sends), { limit: 600_000 })
      assert.deepEqual(
        [...handled.keys()].sort((a, b) => a - b),
        numbers
      )
      assert.ok(receipts.every(({ status }) => status === 'delivered' || status === 'duplicate'))
    })
  })

  it('cannot reach across a partition, and can once it is healed', async () => {
    await withMesh({ nodes: 5, seed: 42, latency: [1, 20], loss: 0.01 }, async (mesh) => {
      await mesh.run(mesh.nodes[4]!.agent('far', { handle: { echo: ({ data }) => data } }))
      await mesh.run(mesh.nodes[1]!.agent('near', { handle: { echo: ({ data }) => data } }))
      const caller = await mesh.run(mesh.nodes[0]!.agent('caller'))
      mesh.partition([0, 1], [2, 3, 4])
      await assert.rejects(mesh.run(caller.request('far', 1, { type: 'echo', timeout: 2_000 })), { retryable: true })
      assert.equal((await mesh.run(caller.request('near', 2, { type: 'echo' }))).data, 2)
      await mesh.advance(30_000)
      assert.deepEqual(
        mesh.nodes[0]!.peers().map(({ name }) => name),
        ['node-1']
      )
      mesh.heal()
      await mesh.run(mesh.nodes[0]!.ready({ peers: 4 }), { limit: 120_000 })
      assert.equal((await mesh.run(caller.request('far', 3, { type: 'echo' }))).data, 3)
    })
  })

  it('publishes to whoever subscribes, on any node', async () => {
    await withMesh({ nodes: 4, seed: 3, latency: [1, 20] }, async (mesh) => {
      const heard: string[] = []
      const ready: Promise<void>[] = []
      for (const [i, node] of mesh.nodes.entries()) {
        const agent = await mesh.run(node.agent(`listener-${i}`))
        const subscription = agent.subscribe(i % 2 === 0 ? 'orders.*.created' : 'orders.>')
        ready.push(subscription.ready)
        void (async () => {
          for await (const { data } of subscription) heard.push(`${i}: ${data}`)
        })()
      }
      await mesh.run(Promise.all(ready))
      const publisher = await mesh.run(mesh.nodes[0]!.agent('publisher'))
      await mesh.run(publisher.publish('orders.eu.created', 'created', { waitFor: { subscribers: 4 }, timeout: 5_000 }))
      await mesh.run(publisher.publish('orders.eu.paid', 'paid', { waitFor: { subscribers: 2 }, timeout: 5_000 }))
      await mesh.advance(1_000)
      assert.deepEqual(heard.sort(), ['0: created', '1: created', '1: paid', '2: created', '3: created', '3: paid'])
    })
  })

  it('notices a crash, and takes a restarted node back under its old identity', async () => {
    await withMesh({ nodes: 3, seed: 5 }, async (mesh) => {
      const handle = { echo: ({ data }: { data: unknown }) => data }
      await mesh.run(mesh.nodes[2]!.agent('worker', { handle }))
      const caller = await mesh.run(mesh.nodes[0]!.agent('caller'))
      const before = mesh.nodes[2]!.peerId.toString()
      mesh.crash(2)
      await mesh.advance(30_000)
      await assert.rejects(mesh.run(caller.request('worker', 1, { type: 'echo' })), { code: 'ERR_NO_RESPONDERS' })
      const reborn = await mesh.restart(2)
      assert.equal(reborn, mesh.nodes[2])
      assert.equal(reborn.peerId.toString(), before)
      await mesh.run(reborn.agent('worker', { handle }))
      await mesh.run(reborn.ready({ peers: 2 }))
      assert.equal((await mesh.run(caller.request('worker', 2, { type: 'echo' }))).data, 2)
    })
  })

  it('repeats itself byte for byte for the same seed, and for no other', async () => {
    const [first, again, other] = [await dayInTheLife(42), await dayInTheLife(42), await dayInTheLife(43)]
    const difference = first.lines.findIndex((line, i) => line !== again.lines[i])
    assert.equal(difference, -1, `line ${difference}: ${first.lines[difference]} became ${again.lines[difference]}`)
    assert.equal(again.digest, first.digest)
    assert.notEqual(other.digest, first.digest)
  })

  it('refuses what it cannot simulate', async () => {
    await assert.rejects(createMesh({ nodes: [{ nonsense: 1 } as never] }), { code: 'ERR_CONFIG' })
    await withMesh({ nodes: 1 }, async (mesh) => {
      assert.throws(() => mesh.crash(7), { code: 'ERR_CONFIG' })
      await assert.rejects(mesh.run(new Promise(() => undefined), { limit: 1_000 }), { code: 'ERR_TIMEOUT' })
    })
  })

  it('gives its nodes disks that outlive their crashes, where it is told to', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => assert.throws(() => mesh.disk(0), { code: 'ERR_CONFIG' }))
    await withMesh({ nodes: 2, disks: { syncLatency: [1, 2] } }, async (mesh) => {
      mesh.crash(1)
      mesh.disk(1).readOnly = true
      await assert.rejects(mesh.restart(1), { code: 'ERR_STORAGE', details: { key: 'dataDir', reason: 'EROFS' } })
      mesh.disk(1).readOnly = false
      const node = await mesh.restart(1)
      await mesh.run(node.ready())
    })
    await assert.rejects(createMesh({ nodes: 1, disks: { syncFailure: 2 } }), { details: { key: 'disks' } })
  })
})
