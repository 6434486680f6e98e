import assert from 'node:assert/strict'
import { createNode, type Node } from '../../src/index.ts'
import { meshOf } from '../kit/mesh.ts'
import { until } from '../kit/until.ts'

/** Lets it run to its end, whatever that is. */
const settled = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    ({ code }: { code: string }) => code
  )

describe('stopping a node', function () {
  this.timeout(30_000)

  it('works before it was started, while it starts, and twice, and then it stays stopped', async () => {
    const never = await createNode({ start: false })
    await never.stop()
    await assert.rejects(never.start(), { code: 'ERR_STOPPED' })

    const starting = await createNode({ start: false })
    const start = settled(starting.start())
    await Promise.all([starting.stop(), starting.stop()])
    assert.equal(await start, 'ERR_STOPPED')
    assert.equal(starting.state, 'stopped')
    assert.equal(starting.libp2p.getConnections().length, 0)
    await until('libp2p to be down', () => starting.libp2p.status === 'stopped')

    const node = await createNode()
    await Promise.all([node.stop(), node.stop({ drain: false })])
    await node.stop()
    assert.equal(node.state, 'stopped')
    await assert.rejects(node.agent('late'), { code: 'ERR_STOPPED' })
    await assert.rejects(node.ready(), { code: 'ERR_STOPPED' })
  })

  it('waits for what is being handled, and refuses no acknowledgement that is due', async () => {
    await using mesh = await meshOf({}, {})
    const [client, server] = mesh.nodes
    const gate = Promise.withResolvers<void>()
    const handled: unknown[] = []
    await server.agent('worker', {
      receive: async ({ data }) => {
        await gate.promise
        handled.push(data)
      }
    })
    const sender = await client.agent('sender')
    const sends = [1, 2, 3].map((n) => sender.send('worker', n, { delivery: 'at-least-once' }))
    await until('the messages to be there', () => server.state === 'started' && sends.length === 3)
    const stopping = client.stop({ drain: true, timeout: 10_000 })
    gate.resolve()
    const receipts = await Promise.all(sends)
    await stopping
    assert.deepEqual([handled, receipts.map(({ status }) => status)], [[1, 2, 3], Array(3).fill('delivered')])
  })

  it('ends although handlers never return, on this node and on the others', async () => {
    await using mesh = await meshOf({}, {})
    const [client, server] = mesh.nodes
    let entered = 0
    const abyss = (): Promise<never> => {
      entered++
      return new Promise(() => {})
    }
    await server.agent('abyss', { receive: abyss, handle: { fall: abyss } })
    const caller = await client.agent('caller')
    const ends = Promise.all([
      settled(caller.request('abyss', 0, { type: 'fall', timeout: 3_600_000 })),
      settled(caller.send('abyss', 0, { delivery: 'at-least-once' })),
      settled(client.pipelines.get('none').send(1)),
      settled(client.ready({ peers: 99, timeout: 3_600_000 })),
      settled(caller.publish('nobody', 1, { waitFor: { subscribers: 9 }, timeout: 3_600_000 }))
    ])
    await until('both to be in work', () => entered === 2)
    // One after the other: each has the other's unfinished work.
    await client.stop({ drain: true, timeout: 500 })
    await server.stop({ drain: true, timeout: 500 })
    const codes = await ends
    assert.ok(!codes.includes('resolved'), codes.join())
    assert.deepEqual([client.state, server.state], ['stopped', 'stopped'])
  })

  it('waits for what is under way, however short its time is', async () => {
    await using node = await createNode()
    await node.agent('worker', { receive: () => new Promise((resolve) => setTimeout(resolve, 50)) })
    const sender = await node.agent('sender')
    let status = 'under way'
    void sender.send('worker', 1, { delivery: 'at-least-once' }).then((receipt) => (status = receipt.status))
    await node.stop({ drain: true, timeout: 900 })
    assert.equal(status, 'delivered')
  })

  it('ends every loop that reads from it', async () => {
    const node = await createNode()
    const agent = await node.agent('reader')
    const subscription = agent.subscribe('news.>')
    await subscription.ready
    const drain = async (source: AsyncIterable<unknown>): Promise<void> => {
      for await (const _ of source);
    }
    const loops = Promise.all([drain(node.events()), drain(node.monitor('reader')), drain(subscription)].map(settled))
    await node.stop()
    assert.deepEqual(await loops, ['resolved', 'resolved', 'resolved'])
  })

  it('ends what waits in a mailbox of its own, and an agent that is closed afterwards', async () => {
    const node = await createNode()
    const entered = Promise.withResolvers<void>()
    await node.agent('abyss', {
      receive: () => {
        entered.resolve()
        return new Promise(() => {})
      }
    })
    await node.agent('mute')
    const sender = await node.agent('sender')
    void settled(sender.send('abyss', 0, { delivery: 'at-least-once' }))
    await entered.promise
    const ends = ['abyss', 'mute'].map((name) => settled(sender.send(name, 1, { delivery: 'at-least-once' })))
    await node.stop({ drain: false })
    assert.deepEqual(await Promise.all(ends), ['ERR_STOPPED', 'ERR_STOPPED'])
    await sender.close()
    await sender[Symbol.asyncDispose]()
  })

  it('frees its port for the next', async () => {
    const first = await createNode()
    const listen = first.multiaddrs.map((address) => String(address).replace(/\/p2p\/.*/, ''))
    await first.stop()
    let second: Node | undefined
    try {
      second = await createNode({ listen })
      assert.equal(second.state, 'started')
    } finally {
      await second?.stop()
    }
  })
})
