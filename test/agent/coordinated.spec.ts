import assert from 'node:assert/strict'
import type { Agent, Receiver } from '../../src/index.ts'
import { assemble } from '../../src/node/assemble.ts'
import { resolveConfig } from '../../src/node/config.ts'
import { World } from '../../src/testing/world.ts'
import { TestProducer } from '../kit/producer.ts'
import { gate } from './ground.ts'

/** Three hosts that agree, two of which have the agent, and a producer that reaches either of them. */
async function ground(receive: (host: number) => Receiver) {
  const world = new World({ seed: 9, latency: [1, 1] })
  const { time } = world
  const labels = ['host-0', 'host-1', 'host-2']
  const voters = await Promise.all(labels.map(async (label) => (await world.identity(label)).peer))
  const agents: Agent[] = []
  const producers: TestProducer[] = []
  const bootstrap: string[] = []
  for (const [host, label] of labels.entries()) {
    const { address, ...place } = await world.place(label)
    const config = resolveConfig({ name: label, bootstrap: [...bootstrap], controlPlane: { voters } })
    const node = await time.run(assemble(config, place), 60_000)
    bootstrap.push(address)
    if (host === 2) await time.run(node.ready({ peers: 2 }), 60_000)
    else {
      agents.push(await time.run(node.agent('counter', { receive: receive(host), coordinated: true }), 60_000))
      const producer = new TestProducer(await world.place(`producer-${host}`), place.network.host.peer)
      producers.push(await time.run(producer.start([address]), 60_000))
    }
  }
  // Somebody leads.
  await time.run(agents[0]!.state.get('total'), 60_000)
  /** Nobody hears of the host but its producer. */
  const cut = (host: number, there = true): void => {
    for (const label of labels) if (label !== labels[host]) world[there ? 'cut' : 'heal'](labels[host]!, label)
  }
  /** One message, whichever host it is sent to: what names it is its source and id. */
  const send = (host: number, id: string, number: number, timeout = 5_000) =>
    producers[host]!.send('counter', 1, { number, id, timeout, source: 'phoenix://sender/agent' })
  const total = () => time.run(agents[0]!.state.get('total'), 60_000)
  return { world, time, agents, send, total, cut }
}

const add: Receiver = async ({ data }, ctx) => {
  const total = (await ctx.state.get('total')) ?? 0
  await ctx.commit([{ type: 'put', key: 'total', value: total + data }])
}

describe('an agent that moves between hosts, coordinated', () => {
  it('has one effect for each message, whichever host it came to and how often', async () => {
    const { time, agents, send, total } = await ground(() => add)
    const answers = [send(0, 'a', 1), send(1, 'a', 1), send(1, 'b', 2), send(0, 'b', 2), send(0, 'c', 3)]
    const told = await time.run(Promise.all(answers), 60_000)
    assert.deepEqual(told.toSorted(), ['again', 'again', 'done', 'done', 'done'])
    assert.equal(await time.run(send(1, 'c', 3), 60_000), 'again')
    assert.equal(await total(), 3)
    assert.equal(await time.run(agents[1]!.state.get('total'), 60_000), 3)
  })

  it('knows elsewhere what was acknowledged without a commit', async () => {
    const runs: number[] = []
    const { time, send } = await ground((host) => async (_message, ctx) => {
      runs.push(host)
      if (host === 0) ctx.ack()
    })
    assert.equal(await time.run(send(0, 'acked', 1), 60_000), 'done')
    assert.equal(await time.run(send(1, 'acked', 1), 60_000), 'again')
    assert.equal(await time.run(send(1, 'returned', 2), 60_000), 'done')
    assert.equal(await time.run(send(0, 'returned', 2), 60_000), 'again')
    assert.deepEqual(runs, [0, 1])
  })

  it('refuses what another host holds longer than an attempt may take, to be tried again', async () => {
    const held = gate()
    const { time, send, total } = await ground((host) => async (message, ctx) => {
      if (host === 0) await held.passed
      await add(message, ctx)
    })
    const first = send(0, 'a', 1)
    await time.advance(100)
    assert.equal(await time.run(send(1, 'a', 1, 500), 60_000), 'ERR_COORDINATION_TIMEOUT')
    held.open()
    assert.equal(await time.run(first, 60_000), 'done')
    assert.equal(await time.run(send(1, 'a', 1), 60_000), 'again')
    assert.equal(await total(), 1)
  })

  it('has no effect from a host whose lock went to another', async () => {
    const held = gate()
    const codes: string[] = []
    const { time, cut, send, total } = await ground((host) => async (message, ctx) => {
      if (host === 0) await held.passed
      await Promise.resolve(add(message, ctx)).catch((error: { code: string }) => {
        codes.push(error.code)
        throw error
      })
    })
    const first = send(0, 'a', 1)
    await time.advance(100)
    cut(0)
    assert.equal(await time.run(send(1, 'a', 1), 60_000), 'done')
    held.open()
    cut(0, false)
    assert.equal(await time.run(first, 60_000), 'ERR_COORDINATION_TIMEOUT')
    assert.deepEqual(codes, ['ERR_COORDINATION_TIMEOUT'])
    assert.equal(await total(), 1)
  })

  it('runs again where another host has changed what it read', async () => {
    const { time, world, send, total } = await ground(() => async (message, ctx) => {
      const total = (await ctx.state.get('total')) ?? 0
      await world.sleep(3)
      await ctx.commit([{ type: 'put', key: 'total', value: total + message.data }])
    })
    const answers = Array.from({ length: 20 }, (_, i) => send(i % 2, `message-${i}`, i + 1))
    const told = await time.run(Promise.all(answers), 60_000)
    assert.ok(
      told.every((answer) => answer === 'done'),
      told.join()
    )
    assert.equal(await total(), 20)
  })
})
