import assert from 'node:assert/strict'
import { eventsOf, fateOf, gate, withMesh } from '../../agent/ground.ts'
import { numbers } from '../../kit/numbers.ts'

const ACKNOWLEDGED = { delivery: 'at-least-once' } as const

describe('messages between nodes', () => {
  it('wait in the receiver’s queue longer than an attempt may take: nothing is sent twice', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const handled: [number, number][] = []
      let next = gate()
      const receive = async ({ data }: { data: number }, { attempt }: { attempt: number }) => {
        await next.passed
        handled.push([data, attempt])
      }
      await mesh.run(mesh.nodes[0]!.agent('worker', { receive }))
      const agent = await mesh.run(mesh.nodes[1]!.agent('sender'))
      const sends = numbers(8).map((i) => fateOf(agent.send('worker', i, ACKNOWLEDGED)))
      for (let i = 0; i < 8; i++) {
        await mesh.advance(4_000)
        const passed = next
        next = gate()
        passed.open()
        await mesh.advance(10)
      }
      await mesh.advance(100)
      assert.deepEqual(
        handled,
        numbers(8).map((i) => [i, 1])
      )
      assert.ok(sends.every(({ status }) => status === 'fulfilled'))
    })
  })

  it('are tried elsewhere when their receiver dies with them', async () => {
    await withMesh({ nodes: 3, timeout: 1_000 }, async (mesh) => {
      const handled: number[] = []
      const never = () => new Promise(() => {})
      await mesh.run(mesh.nodes[1]!.agent('worker', { receive: never }))
      const agent = await mesh.run(mesh.nodes[0]!.agent('sender'))
      const sends = numbers(5).map((i) => fateOf(agent.send('worker', i, { ...ACKNOWLEDGED, maxRetries: 10 })))
      await mesh.advance(500)
      await mesh.run(mesh.nodes[2]!.agent('worker', { receive: ({ data }) => void handled.push(data) }))
      mesh.crash(1)
      await mesh.advance(20_000)
      assert.deepEqual(handled.sort(), numbers(5))
      assert.ok(sends.every(({ status }) => status === 'fulfilled'))
    })
  })

  it('survive a partition shorter than their retries, and end at their limit in a longer one', async () => {
    await withMesh({ nodes: 2, timeout: 500 }, async (mesh) => {
      let handled = 0
      await mesh.run(mesh.nodes[0]!.agent('worker', { receive: () => void handled++ }))
      const agent = await mesh.run(mesh.nodes[1]!.agent('sender'))
      mesh.partition([0], [1])
      const short = fateOf(agent.send('worker', 1, { ...ACKNOWLEDGED, maxRetries: 50 }))
      const limited = fateOf(agent.send('worker', 2, { ...ACKNOWLEDGED, maxRetries: 1 }))
      await mesh.advance(2_500)
      mesh.heal()
      await mesh.advance(60_000)
      assert.equal(limited.status, 'rejected')
      assert.equal(short.status, 'fulfilled', JSON.stringify(short))
      assert.equal(handled, 1)
    })
  })

  it('go to one agent whatever another on the same node does', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      await mesh.run(mesh.nodes[0]!.agent('stuck', { receive: () => new Promise(() => {}) }))
      const heard: number[] = []
      await mesh.run(mesh.nodes[0]!.agent('quick', { receive: ({ data }) => void heard.push(data) }))
      const agent = await mesh.run(mesh.nodes[1]!.agent('sender'))
      const stuck = numbers(1_900).map(() => fateOf(agent.send('stuck', 0, { delivery: 'at-most-once' })))
      await mesh.advance(3_000)
      assert.ok(
        stuck.some(({ code }) => code === 'ERR_BACKPRESSURE') || stuck.every(({ status }) => status !== 'pending')
      )
      for (const i of numbers(50)) await mesh.run(agent.send('quick', i, ACKNOWLEDGED))
      assert.deepEqual(heard, numbers(50))
    })
  })

  it('that nobody acknowledges are counted when their link is lost with them', async () => {
    await withMesh({ nodes: 2, timeout: 500 }, async (mesh) => {
      const events = eventsOf(mesh, 1)
      await mesh.run(mesh.nodes[0]!.agent('worker', { receive: () => {} }))
      const agent = await mesh.run(mesh.nodes[1]!.agent('sender'))
      mesh.partition([0], [1])
      const sends = numbers(30).map((i) => fateOf(agent.send('worker', i, { delivery: 'at-most-once' })))
      await mesh.advance(3_000)
      assert.ok(sends.every(({ status }) => status === 'fulfilled'))
      const lost = events.reduce((sum, event) => sum + (event.kind === 'dropped' ? event.count : 0), 0)
      assert.equal(lost, 30)
    })
  })

  it('leave before their node stops, and none is left without an end', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const heard: number[] = []
      await mesh.run(mesh.nodes[0]!.agent('worker', { receive: ({ data }) => void heard.push(data) }))
      const agent = await mesh.run(mesh.nodes[1]!.agent('sender'))
      for (const i of numbers(10)) void agent.send('worker', i, { delivery: 'at-most-once' })
      const sends = numbers(10).map((i) => fateOf(agent.send('worker', 10 + i, ACKNOWLEDGED)))
      await mesh.run(mesh.nodes[1]!.stop())
      await mesh.advance(100)
      assert.deepEqual(heard, numbers(20))
      assert.ok(sends.every(({ status }) => status === 'fulfilled'))
    })
  })

  it('reach every member with a receipt each', async () => {
    await withMesh({ nodes: 3 }, async (mesh) => {
      const heard: string[] = []
      for (const i of [0, 1, 1, 2]) {
        await mesh.run(mesh.nodes[i]!.agent('all', { receive: ({ data }) => void heard.push(`${i} ${data}`) }))
      }
      const agent = await mesh.run(mesh.nodes[0]!.agent('sender'))
      const receipts = await mesh.run(agent.send('all', 'x', { ...ACKNOWLEDGED, to: 'all' }))
      assert.equal(receipts.length, 4)
      assert.deepEqual(heard.sort(), ['0 x', '1 x', '1 x', '2 x'])
      const where = mesh.nodes[0]!.agents('all')
      for (const { instance, peer } of where) {
        const receipt = await mesh.run(agent.send({ name: 'all', instance, peer }, 'y', ACKNOWLEDGED))
        assert.equal(receipt.peer, peer)
      }
      assert.equal(heard.filter((entry) => entry.endsWith('y')).length, 4)
    })
  })

  it('with one key go to one member, in order', async () => {
    await withMesh({ nodes: 4 }, async (mesh) => {
      const heard: { node: number; data: number }[] = []
      for (const node of [1, 2, 3]) {
        await mesh.run(mesh.nodes[node]!.agent('keyed', { receive: ({ data }) => void heard.push({ node, data }) }))
      }
      const agent = await mesh.run(mesh.nodes[0]!.agent('sender'))
      for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
        heard.length = 0
        await mesh.run(Promise.all(numbers(50).map((i) => agent.send('keyed', i, { ...ACKNOWLEDGED, key }))))
        assert.deepEqual(
          heard.map(({ data }) => data),
          numbers(50)
        )
        assert.equal(new Set(heard.map(({ node }) => node)).size, 1)
      }
    })
  })
})

describe('watching a node', () => {
  it('sees agents come and go from the call on, though nobody reads yet', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const monitor = mesh.nodes[1]!.monitor('worker')
      const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
      await mesh.run(mesh.nodes[0]!.agent('other'))
      await mesh.run(worker.close())
      await mesh.advance(2_000)
      assert.equal((await monitor.next()).value.kind, 'agent-up')
      assert.equal((await monitor.next()).value.kind, 'agent-down')
      const pending = [monitor.next(), monitor.next()]
      await monitor.return!()
      assert.deepEqual(
        (await Promise.all(pending)).map(({ done }) => done),
        [true, true]
      )
    })
  })

  it('leaves no agent behind whose registration its caller gave up', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const signal = AbortSignal.abort()
      const made = mesh.nodes[0]!.agent('worker', {}, { signal })
      await assert.rejects(mesh.run(made), { code: 'ERR_ABORTED' })
      assert.deepEqual(mesh.nodes[0]!.agents('worker'), [])
      await mesh.advance(2_000)
      assert.deepEqual(mesh.nodes[1]!.agents('worker'), [])
    })
  })
})
