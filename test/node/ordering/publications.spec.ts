import assert from 'node:assert/strict'
import type { KeyValueGroup, Message, NodeEvent, Subscription } from '../../../src/index.ts'
import { createMesh, type Mesh } from '../../../src/testing/index.ts'
import { leaderOf, openGroups } from '../consensus/ground.ts'

const textOf = ({ data, extensions }: Message) => `${Number(extensions?.['sequence'])} ${data}`

describe('total order of publications', () => {
  let mesh: Mesh
  let groups: KeyValueGroup[]
  const start = async (options: Parameters<typeof createMesh>[0], voters = 3) => {
    mesh = await createMesh(options)
    groups = await openGroups(mesh, voters)
    await groups[0]!.propose('ready', true)
  }
  afterEach(() => mesh.stop())

  /** What the subscription hands out, by topic. */
  function read(subscription: Subscription): { got: Map<string, string[]>; failed: unknown[] } {
    const got = new Map<string, string[]>()
    const failed: unknown[] = []
    const loop = async (): Promise<void> => {
      for await (const message of subscription) {
        const topic = message.routing!.topic!
        got.set(topic, [...(got.get(topic) ?? []), textOf(message)])
      }
    }
    const go = (): Promise<void> =>
      loop().catch((error) => {
        failed.push(error)
        return go()
      })
    void go()
    return { got, failed }
  }
  const numbers = (lines: string[] | undefined) => lines?.map((line) => Number(line.split(' ')[0]))
  const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

  it('is the same at every subscriber, without a gap, and each publisher is in it in its order', async () => {
    await start({ nodes: 6, seed: 31, latency: [1, 60] })
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const subscriptions = [
      agents[0]!.subscribe('news.*'),
      agents[4]!.subscribe('news.>'),
      agents[5]!.subscribe('news.*', { delivery: 'at-least-once' }),
      agents[5]!.subscribe('news.*', { overflow: 'reject' })
    ]
    await Promise.all(subscriptions.map(({ ready }) => ready))
    const all = subscriptions.map(read)
    const published = await Promise.all(
      upTo(8).flatMap((n) =>
        [0, 3, 5].flatMap((i) =>
          ['news.a', 'news.b'].map((topic) =>
            agents[i]!.publish(topic, `${i} ${n}`, { ordering: 'total', group: groups[i] })
          )
        )
      )
    )
    await mesh.advance(2_000)
    for (const topic of ['news.a', 'news.b']) {
      const lines = all[0]!.got.get(topic)!
      assert.deepEqual(numbers(lines), upTo(24))
      for (const { got } of all) assert.deepEqual(got.get(topic), lines)
      for (const i of [0, 3, 5]) {
        const own = lines.map((line) => line.split(' ').slice(1)).filter(([who]) => who === `${i}`)
        assert.deepEqual(
          own.map(([, n]) => Number(n)),
          upTo(8)
        )
      }
    }
    const told = published.filter(({ topic }) => topic === 'news.a').map(({ sequence }) => sequence!)
    assert.deepEqual(
      told.toSorted((a, b) => a - b),
      upTo(24)
    )
    assert(published.every(({ path }) => path === 'group'))
    // What has no order goes as before.
    const plain = await agents[3]!.publish('news.a', 'plain', { ordering: 'none' })
    assert.equal(plain.path, 'direct')
    await mesh.advance(500)
    for (const { got } of all) assert.equal(got.get('news.a')!.at(-1), 'NaN plain')
  })

  it('holds for all topics under one key', async () => {
    await start({ nodes: 4, seed: 32 })
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const got: string[][] = [[], []]
    for (const [at, i] of [0, 3].entries()) {
      const subscription = agents[i]!.subscribe('>')
      await subscription.ready
      void (async () => {
        for await (const message of subscription) got[at]!.push(`${message.routing!.key} ${textOf(message)}`)
      })()
    }
    await Promise.all(
      ['a', 'b', 'c'].map((topic, i) =>
        agents[i]!.publish(topic, topic, { ordering: 'total', group: groups[i], key: 'all' })
      )
    )
    await mesh.advance(1_000)
    assert.deepEqual(got[1], got[0])
    assert.deepEqual(
      got[0]!.map((line) => line.split(' ')[1]),
      ['1', '2', '3']
    )
    assert(got[0]!.every((line) => line.startsWith('all ')))
    await assert.rejects(agents[0]!.publish('a', 1, { key: 'x' }), { code: 'ERR_CONFIG', details: { key: 'key' } })
  })

  it('outlives the leader, partitions and what a subscriber misses meanwhile', async () => {
    await start({ nodes: 6, seed: 33, loss: 0.02 })
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const subscriptions = [3, 4, 5].map((i) =>
      agents[i]!.subscribe('news', { delivery: i === 3 ? 'at-least-once' : 'at-most-once' })
    )
    await Promise.all(subscriptions.map(({ ready }) => ready))
    const all = subscriptions.map(read)
    const publish = (n: number) =>
      agents[3]!.publish('news', n, { ordering: 'total', group: groups[3], timeout: 60_000 })
    for (const n of [1, 2, 3]) await publish(n)
    mesh.partition([5], [0, 1, 2, 3, 4])
    for (const n of [4, 5]) await publish(n)
    const leader = await leaderOf(mesh, groups)
    mesh.crash(leader)
    for (const n of [6, 7]) await publish(n)
    mesh.heal()
    for (const n of [8, 9]) await publish(n)
    await mesh.advance(15_000)
    const lines = upTo(9).map((n) => `${n} ${n}`)
    for (const { got } of all) assert.deepEqual(got.get('news'), lines)
  })

  it('tells how many it reached', async () => {
    await start({ nodes: 5, seed: 34 })
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const publish = (wanted: number, timeout: number) =>
      agents[0]!.publish('news', 1, {
        ...{ ordering: 'total', group: groups[0] },
        ...{ waitFor: { subscribers: wanted }, timeout }
      })
    await assert.rejects(publish(1, 500), { code: 'ERR_TIMEOUT' })
    const waiting = publish(3, 20_000)
    const subscriptions = [
      ...[0, 3].map((i) => agents[i]!.subscribe('news')),
      agents[4]!.subscribe('news', { delivery: 'at-least-once' })
    ]
    await Promise.all(subscriptions.map(({ ready }) => ready))
    const { subscribers, acknowledged, path, peers, sequence } = await waiting
    assert.deepEqual(
      { subscribers, acknowledged, path, sequence },
      {
        ...{ subscribers: 3, acknowledged: true, path: 'group', sequence: 1 }
      }
    )
    assert.equal(peers.length, 3)
  })

  it('needs a group and a majority of it', async () => {
    await start({ nodes: 4, seed: 35 })
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const subscription = agents[3]!.subscribe('news')
    await subscription.ready
    await assert.rejects(agents[3]!.publish('news', 1, { ordering: 'total' }), { code: 'ERR_NO_CONSENSUS' })
    mesh.partition([0, 1], [2, 3])
    const from = mesh.now
    const total = { ordering: 'total', group: groups[3], timeout: 2_000 } as const
    await assert.rejects(agents[3]!.publish('news', 1, total), { code: 'ERR_NO_QUORUM' })
    await assert.rejects(agents[3]!.publish('news', 1, { ...total, waitFor: { subscribers: 1 } }), {
      code: 'ERR_NO_QUORUM'
    })
    assert(mesh.now - from <= 4_100)
    // A subscription that begins without a majority is ready all the same.
    const late = agents[3]!.subscribe('news', { delivery: 'at-least-once' })
    await late.ready
    mesh.heal()
    const { got } = read(late)
    await agents[0]!.publish('news', 2, { ordering: 'total', group: groups[0], timeout: 30_000 })
    while (!got.has('news')) await mesh.advance(100)
    assert.equal(got.get('news')?.at(-1)?.split(' ')[1], '2')
  })

  it('does not reach who has not opened the group, and says so', async () => {
    mesh = await createMesh({ nodes: 4, seed: 40 })
    const voters = mesh.nodes.slice(0, 3).map(({ peerId }) => peerId)
    groups = await Promise.all(mesh.nodes.slice(0, 3).map((node) => node.consensus('config', { voters })))
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const told: NodeEvent[] = []
    void (async () => {
      for await (const event of mesh.nodes[0]!.events()) if (event.kind === 'undelivered') told.push(event)
    })()
    const [here, stranger] = [2, 3].map((i) => agents[i]!.subscribe('news'))
    await Promise.all([here!.ready, stranger!.ready])
    const [near, far] = [read(here!), read(stranger!)]
    await agents[0]!.publish('news', 'a', { ordering: 'total', group: groups[0] })
    await mesh.advance(2_000)
    assert.deepEqual([near.got.get('news'), far.got.get('news')], [['1 a'], undefined])
    const peer = String(mesh.nodes[3]!.peerId)
    const reason = 'it has not opened the group config'
    assert.deepEqual({ ...told[0], at: 0 }, { at: 0, kind: 'undelivered', peer, reason, frames: 1 })
    // From its opening on it has what is published.
    const late = await mesh.nodes[3]!.consensus('config', { voters })
    assert.equal(late.status().role, 'client')
    await mesh.advance(2_000)
    await agents[0]!.publish('news', 'b', { ordering: 'total', group: groups[0] })
    await mesh.advance(2_000)
    assert.deepEqual([near.got.get('news'), far.got.get('news')], [['1 a', '2 b'], ['2 b']])
    assert.equal(told.length, 1)
  })

  it('is not promised to who begins while no replica is in reach, who is told so', async () => {
    await start({ nodes: 4, seed: 47 })
    const agent = await mesh.nodes[3]!.agent('agent')
    const told: NodeEvent[] = []
    const listen = async (): Promise<void> => {
      for await (const event of mesh.nodes[3]!.events()) if (event.kind === 'sequence-unread') told.push(event)
    }
    void listen()
    mesh.partition([3], [0, 1, 2])
    const subscriptions = [agent.subscribe('news.*'), agent.subscribe('news.a', { delivery: 'at-least-once' })]
    const all = subscriptions.map(read)
    await mesh.run(Promise.all(subscriptions.map(({ ready }) => ready)))
    const { at } = told[0]!
    assert.deepEqual(
      told,
      ['news.*', 'news.a'].map((pattern) => ({ kind: 'sequence-unread', group: 'config', owner: 'agent', pattern, at }))
    )
    mesh.heal()
    await mesh.advance(5_000)
    const publisher = await mesh.nodes[0]!.agent('publisher')
    await mesh.run(publisher.publish('news.a', 'after', { ordering: 'total', group: groups[0] }))
    await mesh.advance(2_000)
    for (const { got } of all) assert.deepEqual(got.get('news.a'), ['1 after'])
  })

  it('of the same id is one publication', async () => {
    await start({ nodes: 4, seed: 36 })
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const { got } = read(await subscribed(agents[3]!.subscribe('news')))
    const publish = (id: string) => agents[1]!.publish('news', id, { ordering: 'total', group: groups[1], id })
    const told = []
    for (const id of ['a', 'b', 'a', 'c']) told.push((await publish(id)).sequence)
    assert.deepEqual(told, [1, 2, 1, 3])
    await mesh.advance(1_000)
    assert.deepEqual(got.get('news'), ['1 a', '2 b', '3 c'])
  })

  it('tells a subscription that was away too long which numbers it missed', async () => {
    await start({ nodes: 4, seed: 37 })
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const told: NodeEvent[] = []
    void (async () => {
      for await (const event of mesh.nodes[3]!.events()) if (event.kind === 'sequence-gap') told.push(event)
    })()
    const once = read(await subscribed(agents[3]!.subscribe('news')))
    const least = read(await subscribed(agents[3]!.subscribe('news', { delivery: 'at-least-once' })))
    const publish = (topic: string, data: unknown) =>
      agents[0]!.publish(topic, data, { ordering: 'total', group: groups[0], timeout: 30_000 })
    await publish('news', 'a')
    await publish('other', 'x')
    await mesh.advance(1_000)
    mesh.partition([3], [0, 1, 2])
    // The answer to the poll that was open may come all the same.
    await publish('other', 'lost')
    await mesh.advance(1_000)
    for (let i = 0; i < 3; i++) await publish('news', 'lost')
    // Whoever answers has forgotten them: a snapshot and a restart of the log in memory.
    const large = 'x'.repeat(1_000_000)
    for (let i = 0; i < 36; i++) await groups[0]!.propose('large', `${large}${i}`, { timeout: 30_000 })
    for (const i of [0, 1, 2]) await groups[i]!.snapshot()
    mesh.heal()
    await mesh.advance(20_000)
    await publish('news', 'b')
    await mesh.advance(5_000)
    for (const { got } of [once, least]) assert.deepEqual(got.get('news'), ['1 a', '5 b'])
    assert.deepEqual(
      least.failed.map((error) => (error as { code: string; details: object }).details),
      [{ group: 'config', topic: 'news', from: 2, to: 4 }]
    )
    assert.equal((least.failed[0] as { code: string }).code, 'ERR_GAP')
    const gap = { kind: 'sequence-gap', group: 'config', topic: 'news', key: undefined, from: 2, to: 4 }
    assert.deepEqual(
      told.map((event) => ({ ...event, at: 0 })).toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
      [
        { at: 0, ...gap, owner: '', pattern: 'news' },
        { at: 0, ...gap, owner: 'agent-3', pattern: 'news' }
      ]
    )
  }).timeout(60_000)

  it('goes on where a durable subscription stopped', async () => {
    await start({ nodes: 5, seed: 38, disks: {} })
    const publisher = await mesh.nodes[0]!.agent('publisher')
    const publish = (n: number) =>
      publisher.publish('news', n, { ordering: 'total', group: groups[0], timeout: 30_000 })
    const open = async () => {
      const agent = await mesh.nodes[4]!.agent('reader')
      const subscription = agent.subscribe('news', { durable: true, name: 'all', from: 'start' })
      await subscription.ready
      return { subscription, ...read(subscription) }
    }
    for (const n of [1, 2]) await publish(n)
    const first = await open()
    await publish(3)
    await mesh.advance(2_000)
    assert.deepEqual(first.got.get('news'), ['1 1', '2 2', '3 3'])
    // The last that was handed out was not acknowledged: nobody asked for more.
    mesh.crash(4)
    for (const n of [4, 5]) await publish(n)
    await mesh.restart(4)
    const voters = mesh.nodes.slice(0, 3).map(({ peerId }) => peerId)
    await mesh.nodes[4]!.consensus('config', { voters })
    const second = await open()
    await mesh.advance(3_000)
    assert.deepEqual(second.got.get('news'), ['4 4', '5 5'])
    assert.deepEqual(second.failed, [])
    await second.subscription.unsubscribe()
    const third = await open()
    await mesh.advance(3_000)
    assert.deepEqual(numbers(third.got.get('news')), upTo(5))
  })

  it('is from now on for a subscription of a host that has just started, whose log is yet to be applied', async () => {
    await start({ nodes: 3, seed: 41, disks: true })
    const publisher = await mesh.nodes[0]!.agent('publisher')
    const publish = (n: number) =>
      publisher.publish('news', n, { ordering: 'total', group: groups[0], timeout: 30_000 })
    for (const n of [1, 2]) await publish(n)
    const voters = mesh.nodes.map(({ peerId }) => peerId)
    mesh.crash(2)
    await publish(3)
    await mesh.restart(2)
    const reader = await mesh.nodes[2]!.agent('reader')
    await mesh.nodes[2]!.consensus('config', { voters })
    const all = [{}, { delivery: 'at-least-once' } as const].map((options) => reader.subscribe('news', options))
    await Promise.all(all.map(({ ready }) => ready))
    const late = all.map(read)
    for (const n of [4, 5]) await publish(n)
    await mesh.advance(2_000)
    for (const { got } of late) assert.deepEqual(got.get('news'), ['4 4', '5 5'])
  })

  it('reaches a subscription that it was told of, though its host has not yet asked the group for anything', async () => {
    await start({ nodes: 5, seed: 42, latency: [1, 200] })
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    for (let round = 0; round < 10; round++) {
      const topic = `news.${round}`
      const total = { ordering: 'total', group: groups[0], timeout: 20_000 } as const
      const waiting = agents[0]!.publish(topic, round, { ...total, waitFor: { subscribers: 2 } })
      const subscriptions = [2, 4].map((i) => agents[i]!.subscribe(topic))
      assert.equal((await waiting).subscribers, 2)
      await Promise.all(subscriptions.map((subscription) => subscription.close()))
    }
  })

  it('reaches a subscription that was there before its host opened the group, from the opening on', async () => {
    mesh = await createMesh({ nodes: 3, seed: 43, latency: [20, 60] })
    const voters = mesh.nodes.map(({ peerId }) => peerId)
    const open = (i: number) => mesh.nodes[i]!.consensus('config', { voters })
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const all = [{}, { delivery: 'at-least-once' } as const].map((options) => agents[2]!.subscribe('news', options))
    await Promise.all(all.map(({ ready }) => ready))
    const early = all.map(read)
    groups = [await open(0), await open(1)]
    await groups[0]!.propose('ready', true)
    const publishing = agents[0]!.publish('news', 'a', { ordering: 'total', group: groups[0] })
    await open(2)
    await publishing
    await mesh.advance(3_000)
    for (const { got } of early) assert.deepEqual(got.get('news'), ['1 a'])
  })

  it('waits for a subscription that is slow, which holds up nobody else', async () => {
    await start({ nodes: 4, seed: 39 })
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const slow = agents[3]!.subscribe('news', { delivery: 'at-least-once', highWatermark: 4, lowWatermark: 1 })
    const reject = agents[3]!.subscribe('news', { overflow: 'reject', highWatermark: 4, lowWatermark: 1 })
    const { got } = read(await subscribed(agents[3]!.subscribe('news')))
    await Promise.all([slow.ready, reject.ready])
    await Promise.all(
      upTo(50).map((n) => agents[1]!.publish('news', n, { ordering: 'total', group: groups[1], timeout: 30_000 }))
    )
    await mesh.advance(120_000)
    assert.deepEqual(numbers(got.get('news')), upTo(50))
    for (const one of [slow, reject]) {
      assert(one.stats().queued <= 5, `${one.stats().queued} wait`)
      const { got: late } = read(one)
      await mesh.advance(2_000)
      assert.deepEqual(numbers(late.get('news')), upTo(50))
      assert.equal(one.stats().dropped, 0)
    }
  })

  async function subscribed(subscription: Subscription): Promise<Subscription> {
    await subscription.ready
    return subscription
  }
})
