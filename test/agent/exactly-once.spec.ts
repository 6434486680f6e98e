import assert from 'node:assert/strict'
import { assemble } from '../../src/node/assemble.ts'
import { resolveConfig } from '../../src/node/config.ts'
import type { Node } from '../../src/node/node.ts'
import type { Disk } from '../../src/runtime/ports.ts'
import { World } from '../../src/testing/world.ts'
import { TestProducer } from '../kit/producer.ts'
import { gate } from './ground.ts'

const EXACTLY_ONCE = { delivery: 'exactly-once' } as const

async function listOf(entries: AsyncIterable<unknown>): Promise<unknown[]> {
  const list: unknown[] = []
  for await (const entry of entries) list.push(entry)
  return list
}

/** A node on a simulated disk, and a producer beside it. */
async function ground(options: { disk?: (disk: Disk) => Disk; syncLatency?: [number, number] } = {}) {
  const world = new World({ seed: 3, latency: [1, 1], disks: { syncLatency: options.syncLatency ?? [1, 1] } })
  const { time } = world
  const begin = async (): Promise<{ node: Node; peer: string; address: string }> => {
    const { address, disk, ...place } = await world.place('receiver')
    const config = resolveConfig({ name: 'receiver' })
    const node = await time.run(assemble(config, { ...place, disk: disk && (options.disk?.(disk) ?? disk) }), 60_000)
    return { node, peer: place.network.host.peer, address }
  }
  const first = await begin()
  const producer = new TestProducer(await world.place('producer'), first.peer)
  await time.run(producer.start([first.address]), 60_000)
  const restart = async (): Promise<Node> => {
    world.crash('receiver')
    return (await begin()).node
  }
  return { world, time, node: first.node, producer, restart, conditions: world.disks.get('receiver')!.conditions }
}

describe('a handler whose delivery is exactly-once', () => {
  it('changes the state once, however often its message comes', async () => {
    const { time, node, producer } = await ground()
    const agent = await time.run(node.agent('counter'), 60_000)
    let runs = 0
    agent.receive(async ({ data }, ctx) => {
      runs++
      const total = (await ctx.state.get('total')) ?? 0
      await ctx.commit([{ type: 'put', key: 'total', value: total + data }])
    }, EXACTLY_ONCE)
    const answers = [1, 2, 1, 3, 2, 3].map((number) => producer.send('counter', number, { number }))
    const told = await time.run(Promise.all(answers), 60_000)
    const again = await time.run(producer.send('counter', 1, { number: 1 }), 60_000)
    assert.ok(
      told.every((answer) => answer === 'done' || answer === 'again'),
      told.join()
    )
    assert.equal(again, 'again')
    assert.equal(await time.run(agent.state.get('total'), 60_000), 6)
    assert.equal(runs, 3)
  })

  it('runs again by itself where what it read has changed, and nothing is lost', async () => {
    const { time, node, producer } = await ground()
    const agent = await time.run(node.agent('counter'), 60_000)
    const contexts = new Set<unknown>()
    const attempts = new Set<number>()
    agent.receive(
      async (_message, ctx) => {
        contexts.add(ctx)
        attempts.add(ctx.attempt)
        const total = (await ctx.state.get('total')) ?? 0
        await ctx.commit([{ type: 'put', key: 'total', value: total + 1 }])
      },
      { ...EXACTLY_ONCE, concurrency: 50 }
    )
    const answers = Array.from({ length: 50 }, (_, i) => producer.send('counter', 0, { number: i + 1, attempt: 1 }))
    const told = await time.run(Promise.all(answers), 60_000)
    assert.ok(
      told.every((answer) => answer === 'done'),
      told.join()
    )
    assert.equal(await time.run(agent.state.get('total'), 60_000), 50)
    assert.ok(contexts.size > 50, 'there were conflicts')
    assert.deepEqual([...attempts], [1])
  })

  it('may mend a conflict itself; one that returns without having done so runs again', async () => {
    const { time, node, producer } = await ground()
    const agent = await time.run(node.agent('counter'), 60_000)
    const codes: string[] = []
    let foreign = 0
    agent.handle('bump', async (_message, ctx) => {
      await ctx.commit([{ type: 'put', key: 'n', value: ++foreign }])
    })
    agent.receive(async (_message, ctx) => {
      const n = (await ctx.state.get('n')) ?? 0
      if (codes.length < 2) await agent.request('counter', 0, { type: 'bump' })
      try {
        await ctx.commit([{ type: 'put', key: 'n', value: n + 100 }])
      } catch (error) {
        codes.push((error as { code: string }).code)
        if (codes.length === 1) return
        const now = await ctx.state.get('n')
        await ctx.commit([{ type: 'put', key: 'n', value: now + 1_000 }])
      }
    }, EXACTLY_ONCE)
    assert.equal(await time.run(producer.send('counter', 0, { number: 1 }), 60_000), 'done')
    assert.deepEqual(codes, ['ERR_CONFLICT', 'ERR_CONFLICT'])
    assert.equal(await time.run(agent.state.get('n'), 60_000), 1_002)
  })

  it('has no effect where it throws, and one where it throws after its commit', async () => {
    const { time, node, producer } = await ground()
    const agent = await time.run(node.agent('counter'), 60_000)
    agent.receive(async ({ data }, ctx) => {
      if (data === 'before') throw new Error('no')
      await ctx.commit([{ type: 'put', key: String(data), value: 1 }])
      throw new Error('too late')
    }, EXACTLY_ONCE)
    assert.equal(await time.run(producer.send('counter', 'before', { number: 1 }), 60_000), 'ERR_HANDLER')
    assert.equal(await time.run(producer.send('counter', 'after', { number: 2 }), 60_000), 'done')
    assert.equal(await time.run(agent.state.get('before'), 60_000), undefined)
    assert.equal(await time.run(agent.state.get('after'), 60_000), 1)
    assert.equal(await time.run(producer.send('counter', 'before', { number: 1 }), 60_000), 'ERR_HANDLER', 'not done')
  })

  it('records the delivery alone where it returns, or acknowledges, without a commit', async () => {
    const { time, node, producer } = await ground()
    const agent = await time.run(node.agent('counter'), 60_000)
    const runs: string[] = []
    const late: string[] = []
    agent.receive(async ({ data }, ctx) => {
      runs.push(data)
      if (data === 'ack') {
        ctx.ack()
        await ctx.commit([{ type: 'put', key: 'x', value: 1 }]).catch(({ code }) => late.push(code))
      }
    }, EXACTLY_ONCE)
    assert.equal(await time.run(producer.send('counter', 'return', { number: 1 }), 60_000), 'done')
    assert.equal(await time.run(producer.send('counter', 'ack', { number: 2 }), 60_000), 'done')
    assert.equal(await time.run(producer.send('counter', 'return', { number: 1 }), 60_000), 'again')
    assert.equal(await time.run(producer.send('counter', 'ack', { number: 2 }), 60_000), 'again')
    assert.deepEqual([runs, late], [['return', 'ack'], ['ERR_SETTLED']])
    assert.equal(await time.run(agent.state.get('x'), 60_000), undefined)
  })

  it('commits once', async () => {
    const { time, node, producer } = await ground()
    const agent = await time.run(node.agent('counter'), 60_000)
    const codes: string[] = []
    agent.receive(async (_message, ctx) => {
      const first = ctx.commit([{ type: 'put', key: 'x', value: 1 }])
      await ctx.commit([{ type: 'put', key: 'x', value: 2 }]).catch(({ code }) => codes.push(code))
      await first
      await ctx.commit([{ type: 'put', key: 'x', value: 3 }]).catch(({ code }) => codes.push(code))
    }, EXACTLY_ONCE)
    assert.equal(await time.run(producer.send('counter', 0, { number: 1 }), 60_000), 'done')
    assert.deepEqual(codes, ['ERR_SETTLED', 'ERR_SETTLED'])
    assert.equal(await time.run(agent.state.get('x'), 60_000), 1)
  })

  it('whose time is up commits nothing any longer, and the effect of the run that follows happens once', async () => {
    const { world, time, node, producer } = await ground()
    const agent = await time.run(node.agent('counter'), 60_000)
    const codes: string[] = []
    let runs = 0
    agent.receive(async (_message, ctx) => {
      const run = ++runs
      const total = (await ctx.state.get('total')) ?? 0
      if (run === 1) await world.sleep(2_000)
      await ctx.commit([{ type: 'put', key: 'total', value: total + 1 }]).catch(({ code }) => codes.push(code))
    }, EXACTLY_ONCE)
    assert.equal(await time.run(producer.send('counter', 0, { number: 1, timeout: 500 }), 60_000), 'ERR_TIMEOUT')
    assert.equal(await time.run(producer.send('counter', 0, { number: 1, timeout: 500 }), 60_000), 'done')
    await time.advance(5_000)
    assert.deepEqual(codes, ['ERR_SETTLED'])
    assert.equal(await time.run(agent.state.get('total'), 60_000), 1)
  })

  it('is in order, though the next begins while a commit is on its way to disk', async () => {
    const { time, node, producer } = await ground({ syncLatency: [50, 50] })
    const agent = await time.run(node.agent('counter'), 60_000)
    agent.receive(async ({ data }, ctx) => {
      const seen = (await ctx.state.get('seen')) ?? []
      await ctx.commit([{ type: 'put', key: 'seen', value: [...seen, data] }])
    }, EXACTLY_ONCE)
    agent.receive(
      'blind',
      async ({ data }, ctx) => ctx.commit([{ type: 'put', key: 'last', value: data }]),
      EXACTLY_ONCE
    )
    const numbers = Array.from({ length: 40 }, (_, i) => i + 1)
    const before = time.now
    const answers = numbers.map((number) => producer.send('counter', number, { number }))
    await time.run(Promise.all(answers), 60_000)
    assert.ok(time.now - before < 40 * 50, 'not a sync for each')
    assert.deepEqual(await time.run(agent.state.get('seen'), 60_000), numbers)
    const middle = time.now
    const blind = numbers.map((number) => producer.send('counter', number, { number: 100 + number, type: 'blind' }))
    await time.run(Promise.all(blind), 60_000)
    assert.ok(time.now - middle < 40 * 50, 'not a sync for each that reads nothing')
    assert.equal(await time.run(agent.state.get('last'), 60_000), 40)
  })

  it('runs no more at once than its concurrency, also while what has committed holds up its key', async () => {
    const { world, time, node, producer } = await ground()
    const agent = await time.run(node.agent('worker'), 60_000)
    const held = gate()
    const log: string[] = []
    agent.receive(async ({ data }, ctx) => {
      log.push(`begun ${data}`)
      if (data === 'long') await world.sleep(50)
      log.push(`ended ${data}`)
      await ctx.commit()
      if (data === 'first') await held.passed
    }, EXACTLY_ONCE)
    const sends = [
      producer.send('worker', 'first', { number: 1, key: 'k' }),
      producer.send('worker', 'behind its key', { number: 2, key: 'k' }),
      producer.send('worker', 'long', { number: 3 })
    ]
    await time.run(world.sleep(20), 60_000)
    held.open()
    await time.run(Promise.all(sends), 60_000)
    const one = (what: string): string[] => [`begun ${what}`, `ended ${what}`]
    assert.deepEqual(log, [...one('first'), ...one('long'), ...one('behind its key')])
  })

  it('handles messages of one key one at a time, runs anew included', async () => {
    const { world, time, node, producer } = await ground()
    const agent = await time.run(node.agent('counter'), 60_000)
    const busy = new Set<string>()
    const order: Record<string, number[]> = { a: [], b: [] }
    let conflicts = 0
    agent.receive(
      async ({ data: { key, number } }, ctx) => {
        assert.ok(!busy.has(key))
        busy.add(key)
        try {
          const total = (await ctx.state.get('total')) ?? 0
          await world.sleep(1)
          await ctx.commit([{ type: 'put', key: 'total', value: total + 1 }]).catch((error) => {
            conflicts++
            throw error
          })
          order[key]!.push(number)
        } finally {
          busy.delete(key)
        }
      },
      { ...EXACTLY_ONCE, concurrency: 8 }
    )
    const sent = Array.from({ length: 40 }, (_, i) => ({ key: i % 2 === 0 ? 'a' : 'b', number: i + 1 }))
    const answers = sent.map(({ key, number }) => producer.send('counter', { key, number }, { number, key }))
    await time.run(Promise.all(answers), 60_000)
    assert.ok(conflicts > 0)
    for (const key of ['a', 'b']) {
      assert.deepEqual(
        order[key],
        sent.filter((one) => one.key === key).map(({ number }) => number)
      )
    }
    assert.equal(await time.run(agent.state.get('total'), 60_000), 40)
  })

  it('counts once when the receiver dies between its commit and the acknowledgement', async () => {
    const { time, node, producer, restart, conditions } = await ground()
    const count = (one: Node) =>
      time.run(
        one.agent('counter', {}).then((agent) =>
          agent.receive(async ({ data }, ctx) => {
            const total = (await ctx.state.get('total')) ?? 0
            await ctx.commit([{ type: 'put', key: 'total', value: total + data }])
          }, EXACTLY_ONCE)
        ),
        60_000
      )
    await count(node)
    assert.equal(await time.run(producer.send('counter', 5, { number: 1 }), 60_000), 'done')
    // On disk after 40 ms; the acknowledgement would take one more.
    conditions.syncLatency = [40, 40]
    const lost = producer.send('counter', 7, { number: 2 })
    await time.advance(41.5)
    producer.cut()
    const next = await restart()
    assert.equal(await time.run(lost, 60_000), 'ERR_LINK_CLOSED')
    conditions.syncLatency = [1, 1]
    const agent = await count(next)
    const again = await time.run(producer.send('counter', 7, { number: 2, attempt: 2 }), 60_000)
    assert.equal(again, 'again', 'it was on disk')
    assert.equal(await time.run(producer.send('counter', 5, { number: 1 }), 60_000), 'again')
    assert.equal(await time.run(agent.state.get('total'), 60_000), 12)
  })

  it('acknowledges nothing while the disk fails, has no effect then, and one when it works again', async () => {
    const { time, node, producer, conditions } = await ground()
    const agent = await time.run(node.agent('counter'), 60_000)
    const codes: string[] = []
    agent.receive(async ({ data }, ctx) => {
      const total = (await ctx.state.get('total')) ?? 0
      await ctx.commit([{ type: 'put', key: 'total', value: total + data }]).catch((error) => {
        codes.push(error.code)
        throw error
      })
    }, EXACTLY_ONCE)
    conditions.syncFailure = 1
    const refused = [1, 2, 3].map((number) => producer.send('counter', number, { number }))
    const told = await time.run(Promise.all(refused), 60_000)
    assert.ok(
      told.every((answer) => answer === 'ERR_STORAGE'),
      told.join()
    )
    assert.deepEqual(codes, ['ERR_STORAGE', 'ERR_STORAGE', 'ERR_STORAGE'])
    assert.equal(await time.run(agent.state.get('total'), 60_000), undefined)
    conditions.syncFailure = 0
    for (const number of [1, 2, 3]) {
      let answer = ''
      for (let i = 0; i < 10 && answer !== 'done'; i++) {
        answer = await time.run(producer.send('counter', number, { number, attempt: i + 2 }), 60_000)
      }
      assert.equal(answer, 'done')
    }
    assert.equal(await time.run(agent.state.get('total'), 60_000), 6)
  })

  it('takes messages of every guarantee, and the weaker of both holds', async () => {
    const { time, node } = await ground()
    const agent = await time.run(node.agent('counter'), 60_000)
    agent.receive(async (_message, ctx) => {
      const total = (await ctx.state.get('total')) ?? 0
      await ctx.commit([{ type: 'put', key: 'total', value: total + 1 }])
    }, EXACTLY_ONCE)
    const sender = await time.run(node.agent('sender'), 60_000)
    await time.run(sender.send('counter', 1, { delivery: 'at-least-once' }), 60_000)
    await time.run(sender.send('counter', 1, { delivery: 'at-most-once' }), 60_000)
    await time.advance(100)
    assert.equal(await time.run(agent.state.get('total'), 60_000), 2)
  })
})

describe('a handler without that option', () => {
  it('gets a numbered message until it has returned once, and never after', async () => {
    const { time, node, producer, restart } = await ground()
    const runs: number[] = []
    const register = (one: Node) =>
      time.run(
        one.agent('worker', {
          receive: ({ data }, { attempt }) => {
            runs.push(data)
            if (attempt === 1 && data === 2) throw new Error('not yet')
          }
        }),
        60_000
      )
    await register(node)
    const send = (number: number, attempt = 1) => time.run(producer.send('worker', number, { number, attempt }), 60_000)
    assert.deepEqual([await send(1), await send(1)], ['done', 'again'])
    assert.deepEqual([await send(2), await send(2, 2), await send(2, 3)], ['ERR_HANDLER', 'done', 'again'])
    await register(await restart())
    assert.deepEqual([await send(1, 3), await send(2, 4)], ['again', 'again'])
    assert.deepEqual(runs, [1, 2, 2])
  })

  it('may change the state, and comes to its sender’s next attempt where that met a conflict', async () => {
    const { time, node, producer } = await ground()
    const agent = await time.run(node.agent('worker'), 60_000)
    agent.handle('bump', async (_message, ctx) => ctx.commit([{ type: 'put', key: 'n', value: 100 }]))
    let runs = 0
    agent.receive(async (_message, ctx) => {
      const n = (await ctx.state.get('n')) ?? 0
      if (++runs === 1) await agent.request('worker', 0, { type: 'bump' })
      await ctx.commit([{ type: 'put', key: 'n', value: n + 1 }])
    })
    const send = () => time.run(producer.send('worker', 0, { number: 1 }), 60_000)
    assert.deepEqual([await send(), await send(), await send()], ['ERR_CONFLICT', 'done', 'again'])
    assert.equal(await time.run(agent.state.get('n'), 60_000), 101)
  })
})

describe('an agent’s state', () => {
  it('is the agent’s own, shared by its instances, and outlives the node', async () => {
    const { time, node, restart } = await ground()
    const [one, two] = [await time.run(node.agent('a/b'), 60_000), await time.run(node.agent('a/b'), 60_000)]
    const other = await time.run(node.agent('a'), 60_000)
    const put = async (_message: unknown, ctx: { commit(changes: unknown): Promise<void> }) => {
      await ctx.commit([
        { type: 'put', key: 'c', value: new Map([['when', new Date(0)]]) },
        { type: 'put', key: 'b', value: Uint8Array.of(1, 2, 3) },
        { type: 'put', key: 'a', value: 12n }
      ])
    }
    one.handle('put', put)
    await time.run(other.request({ name: 'a/b', instance: one.instance }, 0, { type: 'put' }), 60_000)
    const expected = [
      ['a', 12n],
      ['b', Uint8Array.of(1, 2, 3)],
      ['c', new Map([['when', new Date(0)]])]
    ]
    const all = (agent: { state: { entries(): AsyncIterable<unknown> } }) =>
      time.run(listOf(agent.state.entries()), 60_000)
    assert.deepEqual(await all(two), expected)
    assert.deepEqual(await all(other), [])
    const next = await restart()
    assert.deepEqual(await all(await time.run(next.agent('a/b'), 60_000)), expected)
  })

  it('shows outside of a receiving handler nothing that a crash could take back', async () => {
    const { time, node, producer, conditions } = await ground({ syncLatency: [50, 50] })
    const agent = await time.run(node.agent('counter'), 60_000)
    agent.receive(async ({ data }, ctx) => ctx.commit([{ type: 'put', key: 'x', value: data }]), EXACTLY_ONCE)
    agent.handle('read', async ({ data }, ctx) => ctx.state.get(data))
    const read = async () => [
      await time.run(agent.state.get('x'), 60_000),
      (await time.run(agent.request('counter', 'x', { type: 'read' }), 60_000)).data,
      await time.run(listOf(agent.state.entries()), 60_000)
    ]
    conditions.syncFailure = 1
    const failed = producer.send('counter', 1, { number: 1 })
    await time.advance(10)
    assert.deepEqual(await read(), [undefined, undefined, []])
    assert.equal(await time.run(failed, 60_000), 'ERR_STORAGE')
    conditions.syncFailure = 0
    let answered = false
    const stored = producer.send('counter', 2, { number: 1 }).then(() => {
      answered = true
    })
    await time.advance(10)
    const value = await time.run(agent.state.get('x'), 60_000)
    if (value !== 2) assert.equal(answered, false)
    await time.run(stored, 60_000)
    assert.deepEqual(await read(), [2, 2, [['x', 2]]])
  })

  it('gives values that nobody else changes', async () => {
    const { time, node } = await ground()
    const agent = await time.run(node.agent('a'), 60_000)
    agent.handle('put', async (_message, ctx) => ctx.commit([{ type: 'put', key: 'x', value: Uint8Array.of(1) }]))
    await time.run(agent.request('a', 0, { type: 'put' }), 60_000)
    const bytes = await time.run(agent.state.get('x'), 60_000)
    bytes[0] = 9
    assert.deepEqual(await time.run(agent.state.get('x'), 60_000), Uint8Array.of(1))
  })

  it('conflicts with who has read all entries when one comes or goes, and not when another changes', async () => {
    const { time, node } = await ground()
    const agent = await time.run(node.agent('a'), 60_000)
    let next = gate()
    let entered = gate()
    agent.handle('put', async ({ data }, ctx) => ctx.commit(data))
    agent.handle('count', async (_message, ctx) => {
      let count = 0
      for await (const [key] of ctx.state.entries()) if (key.startsWith('item')) count++
      entered.open()
      await next.passed
      await ctx.commit([{ type: 'put', key: 'count', value: count }])
    })
    const put = (...changes: unknown[]) => time.run(agent.request('a', changes, { type: 'put' }), 60_000)
    const during = async (...changes: unknown[]): Promise<string> => {
      entered = gate()
      next = gate()
      const counted = agent.request('a', 0, { type: 'count' }).then(
        () => 'done',
        ({ code }) => code
      )
      await time.run(entered.passed, 60_000)
      await put(...changes)
      next.open()
      return time.run(counted, 60_000)
    }
    const item = (i: number, value: unknown) => ({ type: 'put', key: `item/${i}`, value })
    assert.equal(await during(item(1, 'x')), 'ERR_CONFLICT')
    assert.equal(await during(item(1, 'y')), 'ERR_CONFLICT', 'an entry that was read')
    assert.equal(await during({ type: 'delete', key: 'item/1' }), 'ERR_CONFLICT')
    assert.equal(await during({ type: 'delete', key: 'item/1' }), 'done', 'nothing changed')
  })

  it('refuses what is no change, no key and no value', async () => {
    const { time, node } = await ground()
    const agent = await time.run(node.agent('a'), 60_000)
    const codes: string[] = []
    agent.handle('try', async (_message, ctx) => {
      const wrong: unknown[] = [
        [{ type: 'increase', key: 'x' }],
        [{ type: 'put', key: '', value: 1 }],
        [{ type: 'put', key: 'k'.repeat(1_025), value: 1 }],
        [{ type: 'put', key: '\ud800', value: 1 }],
        [{ type: 'put', key: 'x', value: () => {} }],
        [undefined],
        'x'
      ]
      for (const changes of wrong) await ctx.commit(changes as never).catch(({ code }) => codes.push(code))
      await ctx.state.get('').catch(({ code }) => codes.push(code))
      await ctx.commit()
    })
    await time.run(agent.request('a', 0, { type: 'try' }), 60_000)
    assert.deepEqual(codes, [
      ...['ERR_CONFIG', 'ERR_CONFIG', 'ERR_CONFIG', 'ERR_CONFIG', 'ERR_UNREPRESENTABLE', 'ERR_CONFIG'],
      ...['ERR_CONFIG', 'ERR_CONFIG']
    ])
  })

  it('is no option of a handler of requests', async () => {
    const { time, node } = await ground()
    const agent = await time.run(node.agent('a'), 60_000)
    assert.throws(() => agent.handle('x', () => {}, EXACTLY_ONCE), { code: 'ERR_CONFIG' })
    assert.throws(() => agent.receive(() => {}, { delivery: 'at-least-once' as never }), { code: 'ERR_CONFIG' })
  })
})
