import assert from 'node:assert/strict'
import type { Node } from '../../src/index.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { until } from '../kit/until.ts'

/** So slow that nothing is refilled while a test runs. */
const NEVER = 1e-6

describe('the API, “Limits, letters, rates”', function () {
  this.timeout(60_000)
  let mesh: Mesh<[object, object, object]>
  let nodes: readonly Node[]
  let node: Node

  before(async () => {
    mesh = await meshOf({}, {}, {})
    nodes = mesh.nodes
    node = nodes[0]!
  })
  after(() => mesh[Symbol.asyncDispose]())

  it('gives what is there, else says what is left', async () => {
    node.rateLimits.create('tool-calls', { capacity: 5, refillRate: NEVER })
    assert.deepEqual(await node.rateLimits.acquire('tool-calls', 3), { granted: true, remaining: 2 })
    assert.deepEqual(await node.rateLimits.acquire('tool-calls', 3), { granted: false, remaining: 2 })
    assert.deepEqual(await node.rateLimits.acquire('tool-calls'), { granted: true, remaining: 1 })
  })

  it('has a bucket for each key of one definition', async () => {
    node.rateLimits.create('per-agent', { capacity: 1, refillRate: NEVER })
    for (const key of ['worker', 'planner', 'x'.repeat(768)]) {
      assert.equal((await node.rateLimits.acquire('per-agent', 1, { key })).granted, true)
      assert.equal((await node.rateLimits.acquire('per-agent', 1, { key })).granted, false)
    }
  })

  it('lets those that wait in by their order, at the rate', async () => {
    node.rateLimits.create('slow', { capacity: 2, refillRate: 100 })
    await node.rateLimits.acquire('slow', 2)
    const order: number[] = []
    const waiting = [2, 1, 1].map(async (tokens, i) => {
      assert.equal((await node.rateLimits.acquire('slow', tokens, { wait: true })).granted, true)
      order.push(i)
    })
    // Nobody passes them.
    assert.equal((await node.rateLimits.acquire('slow', 1)).granted, false)
    await Promise.all(waiting)
    assert.deepEqual(order, [0, 1, 2])
  })

  it('ends a wait by its timeout or signal, and who waits behind goes on', async () => {
    node.rateLimits.create('empty', { capacity: 2, refillRate: NEVER })
    await node.rateLimits.acquire('empty', 1)
    const controller = new AbortController()
    const large = node.rateLimits.acquire('empty', 2, { wait: true, signal: controller.signal })
    const small = node.rateLimits.acquire('empty', 1, { wait: true })
    controller.abort('enough')
    await assert.rejects(large, { code: 'ERR_ABORTED', cause: 'enough' })
    assert.deepEqual(await small, { granted: true, remaining: 0 })
    const late = node.rateLimits.acquire('empty', 1, { wait: true, timeout: 20 })
    await assert.rejects(late, { code: 'ERR_TIMEOUT', retryable: true })
    await assert.rejects(node.rateLimits.acquire('empty', 1, { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
  })

  it('refuses what can never be, what is not there, and what makes no sense', async () => {
    const { rateLimits } = node
    const options = { capacity: 2, refillRate: 1, burst: 1 }
    rateLimits.create('small', options)
    await assert.rejects(rateLimits.acquire('small', 4, { wait: true }), { code: 'ERR_LIMIT' })
    await assert.rejects(rateLimits.acquire('nothing'), { code: 'ERR_NO_SUCH_BUCKET', retryable: false })
    const waiting = rateLimits.acquire('small', 3, { wait: true })
    assert.equal(rateLimits.remove('small'), true)
    await assert.rejects(waiting, { code: 'ERR_NO_SUCH_BUCKET' })
    assert.equal(rateLimits.remove('small'), false)
    assert.equal(rateLimits.get('small'), undefined)
    const wrong = (key: string) => ({ code: 'ERR_CONFIG', details: { key } })
    for (const [key, value] of Object.entries({ capacity: 0.5, refillRate: 0, burst: -1, distributed: 1, colour: 1 })) {
      assert.throws(() => rateLimits.create('wrong', { ...options, [key]: value }), wrong(key))
    }
    assert.throws(() => rateLimits.create('', options), wrong('id'))
    await assert.rejects(rateLimits.acquire('tool-calls', 0), wrong('tokens'))
    await assert.rejects(rateLimits.acquire('tool-calls', 1, { timeout: -1 }), wrong('timeout'))
    await assert.rejects(rateLimits.acquire('tool-calls', 1, { wiat: true } as object), wrong('wiat'))
    await assert.rejects(rateLimits.acquire('tool-calls', 1, null as never), wrong('options'))
  })

  it('takes a second creation for the first, unless the options differ', () => {
    const { rateLimits } = node
    const first = rateLimits.create('twice', { capacity: 2, refillRate: 1 })
    assert.deepEqual(rateLimits.create('twice', { capacity: 2, refillRate: 1, burst: 0 }), first)
    const { ready: _, ...definition } = rateLimits.get('twice')!
    assert.deepEqual(definition, { id: 'twice', capacity: 2, refillRate: 1, burst: 0, distributed: false })
    for (const other of [{ capacity: 3 }, { distributed: true }]) {
      assert.throws(() => rateLimits.create('twice', { capacity: 2, refillRate: 1, ...other }), { code: 'ERR_CONFIG' })
    }
  })

  it('shares one limit between three nodes: together they get what one would', async () => {
    const options = { capacity: 30, refillRate: NEVER, distributed: true }
    await Promise.all(nodes.map((one) => one.rateLimits.create('shared', options).ready))
    assert.throws(() => nodes[1]!.rateLimits.create('shared', { ...options, capacity: 31 }), { code: 'ERR_CONFIG' })
    let granted = 0
    // Each node's part of the capacity comes with its first pledge.
    await until('all of the capacity to be granted', async () => {
      const calls = nodes.flatMap(({ rateLimits }) => [1, 2].map((tokens) => rateLimits.acquire('shared', tokens)))
      for (const [i, one] of (await Promise.all(calls)).entries()) if (one.granted) granted += 1 + (i % 2)
      return granted >= 30
    })
    assert.equal(granted, 30)
    for (const { rateLimits } of nodes) {
      assert.deepEqual(await rateLimits.acquire('shared'), { granted: false, remaining: 0 })
      const other = await rateLimits.acquire('shared', 5, { key: 'another' })
      assert.equal(other.granted, true)
    }
  })

  it('refuses options that another node of the mesh has otherwise', async () => {
    const options = { capacity: 30, refillRate: 1, distributed: true }
    await nodes[0]!.rateLimits.create('differs', options).ready
    const create = () => nodes[1]!.rateLimits.create('differs', { ...options, burst: 1 })
    assert.throws(create, { code: 'ERR_CONFIG' })
  })

  it('ends every wait where the node stops', async () => {
    await using mesh = await meshOf({})
    const [alone] = mesh.nodes
    alone.rateLimits.create('shared', { capacity: 1, refillRate: NEVER, distributed: true })
    // Nobody else is there, so it need not wait for anybody.
    assert.equal((await alone.rateLimits.acquire('shared')).granted, true)
    const waiting = assert.rejects(alone.rateLimits.acquire('shared', 1, { wait: true }), { code: 'ERR_STOPPED' })
    await alone.stop({ drain: false })
    await waiting
    await assert.rejects(alone.rateLimits.acquire('shared'), { code: 'ERR_STOPPED' })
  })
})
