import assert from 'node:assert/strict'
import type { MeshError } from '../../src/index.ts'
import { meshOf } from '../kit/mesh.ts'
import { record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

const mailbox = { messages: 200, highWatermark: 100, lowWatermark: 20 }

describe('a receiver that does not keep up', function () {
  this.timeout(30_000)

  it('stops its senders at a bounded number, says so, and loses nothing that was taken', async () => {
    await using mesh = await meshOf({ limits: { mailbox, creditMessages: 500 } }, {})
    const [server, client] = mesh.nodes
    const gate = Promise.withResolvers<void>()
    const handled: number[] = []
    await server.agent('slow', {
      receive: async ({ data }) => {
        await gate.promise
        handled.push(data)
      }
    })
    await server.agent('quick', { handle: { echo: ({ data }) => data } })
    const events = record(server.events())
    const sender = await client.agent('sender')
    let taken = 0
    let refusal: MeshError | undefined
    while (refusal === undefined && taken < 10_000) {
      await sender.send('slow', taken, { delivery: 'at-most-once', timeout: 300 }).then(
        () => taken++,
        (error: MeshError) => {
          refusal = error
        }
      )
    }
    assert.deepEqual([refusal?.code, refusal?.retryable], ['ERR_BACKPRESSURE', true])
    assert.ok(taken < 2_000, `${taken} messages were taken for a receiver that handles none`)
    const slow = await events.first(({ kind }) => kind === 'slow-consumer')
    assert.equal(slow.kind === 'slow-consumer' && 'agent' in slow && slow.agent, 'slow')
    // It holds up nobody but its own senders.
    assert.equal((await sender.request('quick', 1, { type: 'echo' })).data, 1)
    gate.resolve()
    await sender.send('slow', -1, { delivery: 'at-most-once', timeout: 10_000 })
    await until('everything that was taken', () => handled.at(-1) === -1)
    assert.deepEqual(
      handled.slice(0, -1),
      Array.from({ length: taken }, (_, i) => i)
    )
    assert.equal(events.all.filter(({ kind }) => kind === 'dropped').length, 0)
  })

  it('gets nothing of which its sender was told that it was refused, in a burst too', async () => {
    await using mesh = await meshOf({ limits: { mailbox, creditMessages: 500 } }, {})
    const [server, client] = mesh.nodes
    const gate = Promise.withResolvers<void>()
    const handled: number[] = []
    await server.agent('slow', {
      receive: async ({ data }) => {
        await gate.promise
        handled.push(data)
      }
    })
    const sender = await client.agent('sender')
    const send = (n: number) => sender.send('slow', n, { delivery: 'at-most-once', timeout: 100 })
    const burst = await Promise.allSettled(Array.from({ length: 4_000 }, (_, n) => send(n)))
    const after = await Promise.allSettled([send(-1), send(-2)])
    const taken = [...burst.keys()].filter((n) => burst[n]!.status === 'fulfilled')
    for (const one of [...burst, ...after]) {
      if (one.status === 'rejected') assert.equal(one.reason.code, 'ERR_BACKPRESSURE')
    }
    assert.ok(after.every(({ status }) => status === 'rejected'))
    gate.resolve()
    await until('everything that was taken', () => handled.length >= taken.length)
    await sender.request('slow', 0, { type: 'none', timeout: 5_000 }).catch(() => undefined)
    assert.deepEqual(handled, taken)
  })

  it('gets each acknowledged message once all the same, from many senders at once', async () => {
    await using mesh = await meshOf({ limits: { mailbox } }, {}, {})
    const [server, ...clients] = mesh.nodes
    const handled: string[] = []
    await server.agent('slow', {
      receive: async ({ data }) => {
        await new Promise((resolve) => setImmediate(resolve))
        handled.push(data)
      }
    })
    const senders = await Promise.all(clients.map((client) => client.agent('sender')))
    const sends = senders.flatMap((sender, s) =>
      Array.from({ length: 1_500 }, (_, i) => sender.send('slow', `${s}/${i}`, { delivery: 'at-least-once' }))
    )
    const receipts = await Promise.all(sends)
    assert.ok(receipts.every(({ status }) => status === 'delivered'))
    assert.equal(handled.length, new Set(handled).size)
    assert.equal(handled.length, 3_000)
  })
})
