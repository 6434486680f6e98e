import assert from 'node:assert/strict'
import { seededDice } from '../../../src/testing/dice.ts'
import { collect, createTestMesh, message, type TestMeshOptions } from './mesh.ts'

const SEEDS =
  process.env.SEED === undefined
    ? Array.from({ length: Number(process.env.SEEDS ?? 25) }, (_, i) => i + 1)
    : [Number(process.env.SEED)]

/** Nodes publish all the time; others subscribe at any moment: from `ready` on each hears everything, each publisher in order. */
async function scenario(seed: number, options: TestMeshOptions): Promise<{ fences: number; gossip: number }> {
  const { random } = seededDice(`scenario ${seed}`)
  const mesh = await createTestMesh(7, { seed, latency: [1, 40], rumour: [1, 300], ...options })
  const { nodes, world } = mesh
  const published = new Map<string, number>()
  const checks: (() => void)[] = []
  const publish = (index: number) => {
    const { name, pubsub } = nodes[index]!
    const number = (published.get(name) ?? 0) + 1
    published.set(name, number)
    void pubsub.publish(message('orders.eu.created', { name, number }))
  }
  const subscribe = async (index: number) => {
    const pattern = ['orders.>', 'orders.*.created', '*.eu.>', 'orders.eu.created'][Math.floor(random() * 4)]!
    const subscription = nodes[index]!.pubsub.subscribe(pattern)
    const read = collect(subscription)
    await subscription.ready
    const from = new Map(published)
    checks.push(() => {
      for (const [name, last] of published) {
        const numbers = read
          .map(({ data }) => data as { name: string; number: number })
          .filter((data) => data.name === name)
          .map((data) => data.number)
        const where = `seed ${seed}: ${pattern} at node-${index}, messages of ${name}`
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
          `${where} in order`
        )
        assert.equal(new Set(numbers).size, numbers.length, `${where} once each`)
        for (let number = (from.get(name) ?? 0) + 1; number <= last; number++) {
          assert.ok(
            numbers.includes(number),
            `${where}: number ${number} of ${last} missing, ready after ${from.get(name)}`
          )
        }
      }
    })
  }
  const joined: Promise<void>[] = []
  for (let step = 0; step < 400; step++) {
    if (random() < 0.6) publish(Math.floor(random() * 3))
    if (random() < 0.04) joined.push(subscribe(2 + Math.floor(random() * 5)))
    if (random() < 0.3) await world.time.advance(random() * 120)
  }
  await world.time.run(Promise.all(joined), 30_000)
  for (let publisher = 0; publisher < 3; publisher++) publish(publisher)
  await world.time.advance(10_000)
  for (const check of checks) check()
  assert.ok(checks.length > 3)
  const totals = { fences: 0, gossip: 0 }
  for (const { pubsub } of nodes) {
    totals.fences += pubsub.stats().fences
    totals.gossip += pubsub.stats().batches.gossip
    assert.equal(pubsub.stats().lost, 0)
  }
  await mesh.stop()
  return totals
}

describe('the first message after ready', function () {
  this.timeout(120_000)

  it('is never missed over links', async () => {
    for (const seed of SEEDS) await scenario(seed, { loss: 0.02 })
  })

  it('is never missed on wide channels, nor while paths are switched, though gossip loses', async () => {
    const sum = { fences: 0, gossip: 0 }
    for (const seed of SEEDS) {
      const { fences, gossip } = await scenario(seed, { loss: 0.05, limits: { directFanout: 2, settle: 500 } })
      sum.fences += fences
      sum.gossip += gossip
    }
    assert.ok(sum.fences > 0 && sum.gossip > 100, `the scenario never went wide: ${JSON.stringify(sum)}`)
  })
})
