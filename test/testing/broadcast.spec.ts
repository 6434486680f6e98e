import assert from 'node:assert/strict'
import type { WorldOptions } from '../../src/testing/world.ts'
import { hosts, text } from './hosts.ts'

/** A line: each host is connected to the next one only. */
async function line(count: number, options: WorldOptions = {}) {
  const { world, places } = await hosts(count, options)
  const heard = places.map(() => [] as string[])
  const nodes = places.map(({ network }) => network)
  for (const [i, { broadcast }] of nodes.entries()) {
    broadcast.onMessage = (channel, bytes) => heard[i]!.push(`${channel}: ${Buffer.from(bytes)}`)
    if (i > 0) await world.time.run(nodes[i - 1]!.host.dial(nodes[i]!.host.peer), 60_000)
  }
  return { world, nodes, heard, broadcasts: nodes.map(({ broadcast }) => broadcast) }
}

describe('a simulated broadcast', () => {
  it('reaches everybody who joined along the connections, once each, and not the publisher', async () => {
    const { world, broadcasts, heard } = await line(4)
    for (const broadcast of broadcasts) broadcast.join('news')
    await world.time.advance(100)
    await broadcasts[0]!.publish('news', text('hello'))
    await world.time.advance(100)
    assert.deepEqual(heard, [[], ['news: hello'], ['news: hello'], ['news: hello']])
  })

  it('tells the directly connected who has joined, and who left', async () => {
    const { world, nodes, broadcasts } = await line(3)
    broadcasts[2]!.join('news')
    await world.time.advance(100)
    assert.deepEqual(
      broadcasts.map((b) => b.subscribers('news')),
      [[], [nodes[2]!.host.peer], []]
    )
    broadcasts[2]!.leave('news')
    await world.time.advance(100)
    assert.deepEqual(broadcasts[1]!.subscribers('news'), [])
  })

  it('tells a new connection what was joined before it', async () => {
    const { world, places } = await hosts(2)
    places[1]!.network.broadcast.join('news')
    await world.time.run(places[0]!.network.host.dial(places[1]!.network.host.peer), 1_000)
    await world.time.advance(100)
    assert.equal(places[0]!.network.broadcast.subscribers('news').length, 1)
  })

  it('does not reach whom the news of the publisher itself did not: a first message can be missed', async () => {
    const { world, broadcasts, heard } = await line(2, { latency: [10, 10] })
    broadcasts[1]!.join('news')
    await broadcasts[0]!.publish('news', text('too early'))
    await world.time.advance(100)
    assert.deepEqual(heard[1], [])
  })

  it('loses its share of messages for good', async () => {
    const { world, broadcasts, heard } = await line(2, { loss: 0.25, seed: 5 })
    broadcasts[1]!.join('news')
    await world.time.advance(10_000)
    for (let i = 0; i < 1_000; i++) await broadcasts[0]!.publish('news', text(`${i}`))
    await world.time.advance(10_000)
    assert.ok(heard[1]!.length > 650 && heard[1]!.length < 850, `${heard[1]!.length} of 1000 arrived`)
  })

  it('does not cross a cut, not even in flight', async () => {
    const { world, broadcasts, heard } = await line(2, { latency: [10, 10] })
    broadcasts[1]!.join('news')
    await world.time.advance(100)
    await broadcasts[0]!.publish('news', text('in flight'))
    world.cut('a', 'b')
    await broadcasts[0]!.publish('news', text('too late'))
    await world.time.advance(1_000)
    assert.deepEqual(heard[1], [])
  })
})
