import assert from 'node:assert/strict'
import { MAX_ENTRIES } from '../../protocols/causality/constants.ts'
import { eventsOf, withMesh } from '../agent/ground.ts'

const ROUNDS = 30

describe('causal order in a mesh', () => {
  for (const delivery of ['at-most-once', 'at-least-once'] as const) {
    it(`holds along every path, publications included, though segments are lost and come later: ${delivery}`, async () => {
      await withMesh({ nodes: 4, seed: 7, latency: [1, 20], loss: 0.2 }, async (mesh) => {
        const agents = await mesh.run(Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`))))
        const [first, second, third, last] = agents
        const seen: string[] = []
        const news = last!.subscribe('news')
        await mesh.run(news.ready)
        third!.receive(({ data }) => void third!.send('agent-3', `${data} by 2`, { delivery }))
        second!.receive(({ data }) => {
          void second!.publish('news', data)
          void second!.send('agent-2', `${data} by 1`, { delivery })
        })
        const published = () => news.stats().received
        last!.receive(({ data }) => void seen.push(`${data}, ${published()} published`))
        for (let i = 0; i < ROUNDS; i++) {
          void first!.send('agent-3', `${i}`, { delivery })
          void first!.send('agent-1', `${i}`, { delivery })
          await mesh.advance(40)
        }
        await mesh.advance(20_000)
        assert.equal(seen.length, 2 * ROUNDS)
        for (let i = 0; i < ROUNDS; i++) {
          const direct = seen.findIndex((text) => text.startsWith(`${i},`))
          const relayed = seen.findIndex((text) => text.startsWith(`${i} by 1 by 2`))
          assert.ok(direct < relayed, `${i} came after what follows it`)
          const count = Number(seen[relayed]!.split(', ')[1]!.split(' ')[0])
          assert.ok(count > i, `the publication of ${i} came after what follows it`)
        }
      })
    })
  }

  for (const delivery of ['at-most-once', 'at-least-once'] as const) {
    it(`is what the reader of a subscription sees beside its agent's handler: ${delivery}`, async () => {
      await withMesh({ nodes: 3, seed: 3, latency: [1, 200], loss: 0.05 }, async (mesh) => {
        const [first, second, last] = await mesh.run(Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`))))
        const seen: string[] = []
        const news = last!.subscribe('news', { delivery })
        await mesh.run(news.ready)
        void (async () => {
          for await (const { data } of news) seen.push(`${data}`)
        })()
        second!.receive(({ data }) => void second!.send('agent-2', `after ${data}`))
        last!.receive(({ data }) => void seen.push(data))
        await mesh.advance(1_000)
        for (let i = 0; i < ROUNDS; i++) {
          await mesh.run(first!.publish('news', i))
          await mesh.run(first!.send('agent-1', i))
        }
        await mesh.advance(20_000)
        assert.equal(seen.length, 2 * ROUNDS)
        for (let i = 0; i < ROUNDS; i++) assert.ok(seen.indexOf(`${i}`) < seen.indexOf(`after ${i}`), `${i}: ${seen}`)
      })
    })
  }

  it('goes on after links were lost, with what was sent at most once on them, and without a gap', async () => {
    await withMesh({ nodes: 3, seed: 3, latency: [1, 20] }, async (mesh) => {
      const events = eventsOf(mesh, 1)
      const got: number[] = []
      await mesh.run(mesh.nodes[1]!.agent('sink', { receive: ({ data }) => void got.push(data) }))
      const source = await mesh.run(mesh.nodes[0]!.agent('source'))
      const send = (data: number, delivery: 'at-most-once' | 'at-least-once') =>
        source.send('sink', data, { delivery }).catch(() => {})
      await mesh.run(send(0, 'at-most-once'))
      await mesh.advance(100)
      mesh.partition([0], [1, 2])
      for (let i = 1; i <= 5; i++) void send(i, 'at-most-once')
      await mesh.advance(20_000)
      mesh.heal()
      await mesh.run(mesh.nodes[0]!.ready({ peers: 2 }))
      await mesh.run(send(100, 'at-least-once'))
      await mesh.advance(1_000)
      assert.equal(got[0], 0)
      assert.equal(got.at(-1), 100)
      assert.ok(!events.some(({ kind }) => kind === 'causal-gap'))
    })
  })

  for (const delivery of ['at-most-once', 'at-least-once'] as const) {
    it(`publishes to more topics than one message can speak of: ${delivery}`, async () => {
      await withMesh({ nodes: 2, seed: 4 }, async (mesh) => {
        const source = await mesh.run(mesh.nodes[0]!.agent('source'))
        const sink = await mesh.run(mesh.nodes[1]!.agent('sink'))
        const news = sink.subscribe('news.>', { delivery })
        await mesh.run(news.ready)
        const topics = 4 * MAX_ENTRIES
        let published = 0
        const publishing = (async () => {
          for (; published < topics; published++) await source.publish(`news.${published}`, published)
        })()
        publishing.catch(() => {})
        await mesh.advance(5_000)
        assert.equal(published, topics)
        assert.equal(news.stats().received, topics)
      })
    })
  }

  it('says which message it does not wait for any longer, and whose it is', async () => {
    const limits = { causalGapTimeout: 700, failureTimeout: 20_000 }
    await withMesh({ nodes: Array.from({ length: 3 }, () => ({ limits })), seed: 5, latency: [1, 5] }, async (mesh) => {
      const [first, second, last] = mesh.nodes
      const events = eventsOf(mesh, 2)
      const got: string[] = []
      await mesh.run(last!.agent('last', { receive: ({ data }) => void got.push(data) }))
      const relay = await mesh.run(second!.agent('relay'))
      relay.receive(({ data }) => void relay.send('last', `after ${data}`))
      const source = await mesh.run(first!.agent('source'))
      await mesh.run(source.send('last', 'before'))
      mesh.partition([0], [2])
      // Its first transmission is lost; the relay's message follows it.
      const lost = source.send('last', 'lost', { maxRetries: 20 })
      await mesh.run(source.send('relay', 'lost'))
      await mesh.advance(300)
      assert.deepEqual(got, ['before'])
      await mesh.advance(1_000)
      assert.deepEqual(got, ['before', 'after lost'])
      const gaps = events.filter(({ kind }) => kind === 'causal-gap')
      const told = gaps.map((gap) => ({ ...gap, at: 0 }))
      assert.deepEqual(told, [
        { kind: 'causal-gap', producer: `${first!.peerId}`, number: 2, reason: 'timeout', at: 0 }
      ])
      mesh.heal()
      await mesh.run(lost)
      assert.deepEqual(got, ['before', 'after lost', 'lost'])
    })
  })
})
