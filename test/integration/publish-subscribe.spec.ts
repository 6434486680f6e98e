import assert from 'node:assert/strict'
import type { Agent, Node } from '../../src/index.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

describe('publishing between nodes', function () {
  this.timeout(30_000)
  let mesh: Mesh<[object, object, object, object]>
  let nodes: readonly Node[]
  let publisher: Agent
  let listeners: Agent[]

  before(async () => {
    mesh = await meshOf({}, {}, {}, {})
    nodes = mesh.nodes
    publisher = await nodes[0]!.agent('publisher')
    listeners = await Promise.all(nodes.slice(1).map((node) => node.agent('listener')))
  })
  after(() => mesh[Symbol.asyncDispose]())

  it('reaches what the patterns match, once each, past their predicates, and proves it', async () => {
    const one = listeners[0]!.subscribe('orders.*.created')
    const rest = listeners[1]!.subscribe('orders.>')
    const picky = listeners[2]!.subscribe('orders.*.created', { filter: ({ data }) => (data as number) > 2 })
    await Promise.all([one.ready, rest.ready, picky.ready])
    const heard = [one, rest, picky].map((subscription) => record(subscription))
    for (const [topic, data] of [
      ['orders.eu.created', 1],
      ['orders.us.created', 2],
      ['orders.us.created', 3]
    ] as const) {
      const evidence = await publisher.publish(topic, data, { waitFor: { subscribers: 3 }, timeout: 10_000 })
      assert.deepEqual([evidence.topic, evidence.acknowledged, evidence.subscribers], [topic, true, 3])
      const reached = new Set(evidence.peers.map(({ peer }) => peer))
      assert.deepEqual(reached, new Set(nodes.slice(1).map(({ peerId }) => String(peerId))))
    }
    await publisher.publish('orders.eu.shipped.late', 4, { waitFor: { subscribers: 1 }, timeout: 10_000 })
    await publisher.publish('order.eu.created', 5)
    await until('the last', () => heard[1]!.all.length === 4 && heard[0]!.all.length === 3)
    const data = heard.map(({ all }) => all.map((message) => message.data))
    assert.deepEqual(data, [[1, 2, 3], [1, 2, 3, 4], [3]])
    assert.equal(picky.stats().filtered, 2)
    await Promise.all([one, rest, picky].map((subscription) => subscription.close()))
  })

  it('loses no first message: once ready has resolved everything is heard, from any node, round after round', async () => {
    for (let round = 0; round < 25; round++) {
      const from = await nodes[round % 4]!.agent(`herald-${round}`)
      const topic = `round.${round}.start`
      await using subscription = listeners[(round + 1) % 3]!.subscribe(round % 2 === 0 ? topic : `round.${round}.*`)
      await subscription.ready
      const heard = record(subscription)
      await from.publish(topic, round)
      await until(`the first message of round ${round}`, () => heard.all.length > 0)
      assert.equal(heard.all[0]!.data, round)
      await from.close()
    }
  })

  it('keeps a publisher’s order and loses nothing while readers keep up', async () => {
    const limits = {
      overflow: 'reject',
      highWatermark: 500,
      lowWatermark: 100,
      maxQueue: { messages: 1_000, bytes: 2 ** 24 }
    } as const
    await using a = listeners[0]!.subscribe('ticks.>', limits)
    await using b = listeners[1]!.subscribe('ticks.>', limits)
    await Promise.all([a.ready, b.ready])
    const heard = [record(a), record(b)]
    for (let i = 0; i < 3_000; i++) await publisher.publish('ticks.all', i)
    await until('all ticks', () => heard.every(({ all }) => all.length >= 3_000))
    const expected = Array.from({ length: 3_000 }, (_, i) => i)
    for (const { all } of heard) {
      assert.deepEqual(
        all.map(({ data }) => data),
        expected
      )
    }
  })

  it('drops for a reader that does not read what its policy says, and says so', async () => {
    const events = record(nodes[1]!.events())
    const limits = { highWatermark: 8, lowWatermark: 2, maxQueue: { messages: 10, bytes: 2 ** 24 } }
    await using newest = listeners[0]!.subscribe('flood', { overflow: 'drop-oldest', ...limits })
    await using oldest = listeners[0]!.subscribe('flood', { overflow: 'drop-newest', ...limits })
    await Promise.all([newest.ready, oldest.ready])
    for (let i = 0; i < 40; i++) await publisher.publish('flood', i, { waitFor: { subscribers: 2 }, timeout: 10_000 })
    await until('thirty to be dropped', () => newest.stats().dropped === 30 && oldest.stats().dropped === 30)
    const overflow = await events.first(({ kind }) => kind === 'overflow')
    assert.equal(overflow.kind === 'overflow' && overflow.owner, 'listener')
    const kept = [record(newest), record(oldest)]
    await until('what was kept', () => kept.every(({ all }) => all.length === 10))
    const ten = Array.from({ length: 10 }, (_, i) => i)
    assert.deepEqual(
      kept.map(({ all }) => all.map(({ data }) => data)),
      [ten.map((i) => i + 30), ten]
    )
  })

  it('refuses what is no topic, and times out with evidence where too few listen', async () => {
    await assert.rejects(publisher.publish('orders..created', 1), { code: 'ERR_INVALID_TOPIC' })
    await assert.rejects(publisher.publish('orders.*', 1), { code: 'ERR_INVALID_TOPIC' })
    assert.throws(() => listeners[0]!.subscribe('orders.>.created'), { code: 'ERR_INVALID_TOPIC' })
    const lonely = publisher.publish('nobody.listens', 1, { waitFor: { subscribers: 1 }, timeout: 300 })
    await assert.rejects(lonely, (error: Error & { code: string; details: { evidence: unknown } }) => {
      assert.equal(error.code, 'ERR_TIMEOUT')
      assert.ok(error.details.evidence)
      return true
    })
  })
})
