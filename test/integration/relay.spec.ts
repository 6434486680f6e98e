import assert from 'node:assert/strict'
import { meshOf } from '../kit/mesh.ts'
import { collect } from '../kit/record.ts'
import { until } from '../kit/until.ts'

describe('two nodes that cannot be dialled', function () {
  this.timeout(60_000)

  it('exchange messages, requests and streams through the peer they share', async () => {
    await using mesh = await meshOf({ name: 'relay' }, { name: 'left', listen: [] }, { name: 'right', listen: [] })
    const [, left, right] = mesh.nodes
    const received: unknown[] = []
    await right.agent('worker', {
      receive: ({ data }) => void received.push(data),
      handle: {
        double: ({ data }) => data * 2,
        async *count({ data }) {
          for (let i = 0; i < data; i++) yield Buffer.alloc(1_000, i)
        }
      }
    })
    const caller = await left.agent('caller')
    assert.equal((await caller.request('worker', 21, { type: 'double', timeout: 15_000 })).data, 42)
    const receipt = await caller.send('worker', 'hello', { delivery: 'at-least-once' })
    assert.deepEqual([receipt.status, receipt.route, receipt.transport], ['delivered', 'relayed', 'relay'])
    assert.deepEqual(received, ['hello'])
    assert.equal((await collect(caller.stream('worker', 500, { type: 'count' }))).length, 500)
    const { transport, route } = left.explain({ data: 1 }, 'worker')
    assert.deepEqual([transport.chosen, route.chosen], ['relay', 'relayed'])
    assert.equal(left.peers().find(({ name }) => name === 'right')?.transport, 'relay')
    assert.equal(left.peers().find(({ name }) => name === 'relay')?.transport, 'tcp')
  })

  it('slow each other through it: what is under way is bounded by the credit of its receiver', async () => {
    const limits = { mailbox: { messages: 50 }, creditMessages: 1_024 }
    await using mesh = await meshOf(
      { name: 'relay' },
      { name: 'left', listen: [] },
      { name: 'right', listen: [], limits }
    )
    const [, left, right] = mesh.nodes
    const gate = Promise.withResolvers<void>()
    const received: number[] = []
    await right.agent('slow', {
      receive: async ({ data }) => {
        await gate.promise
        received.push(data)
      }
    })
    const sender = await left.agent('sender')
    assert.equal((await sender.send('slow', 0, { delivery: 'at-most-once', timeout: 15_000 })).route, 'relayed')
    let sent = 1
    const flood = async (): Promise<void> => {
      for (; ; sent++) await sender.send('slow', sent, { delivery: 'at-most-once', timeout: 1_000 })
    }
    await assert.rejects(flood, { code: 'ERR_BACKPRESSURE' })
    // The receiver's mailbox, its credit, and the batches that may be on their way: far below what was offered in that time.
    assert.ok(sent < 10_000, `${sent} were taken`)
    gate.resolve()
    await until('all that was taken', () => received.length === sent)
    assert.deepEqual(
      received,
      Array.from({ length: sent }, (_, i) => i)
    )
  })

  it('find another way when the peer that relays for them stops', async () => {
    const nowhere = { listen: [] }
    await using mesh = await meshOf({}, {}, { name: 'left', ...nowhere }, { name: 'right', ...nowhere })
    const [one, other, left, right] = mesh.nodes
    const relays = [one, other]
    for (const node of [left, right]) {
      await until('a place on both relays', () =>
        relays.every(({ peerId }) => node.multiaddrs.some((address) => `${address}`.includes(`${peerId}/p2p-circuit`)))
      )
    }
    await right.agent('worker', { handle: { double: ({ data }) => data * 2 } })
    const caller = await left.agent('caller')
    const ask = async (): Promise<unknown> => (await caller.request('worker', 21, { type: 'double' })).data
    assert.equal(await ask(), 42)
    const via = (): string => `${left.libp2p.getConnections(right.peerId)[0]?.remoteAddr}`
    const used = relays.find(({ peerId }) => via().includes(String(peerId)))
    assert.ok(used, `not relayed: ${via()}`)
    await used.stop({ drain: false })
    await until('an answer by the other way', () => ask().then(Boolean, () => false))
    assert.ok(via().includes(String(relays.find((relay) => relay !== used)!.peerId)), via())
    assert.equal(left.peers().find(({ name }) => name === 'right')?.transport, 'relay')
  })
})
