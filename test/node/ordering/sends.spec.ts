import assert from 'node:assert/strict'
import type { KeyValueGroup, Message, NodeEvent, SendOptions } from '../../../src/index.ts'
import { createMesh, type Mesh } from '../../../src/testing/index.ts'
import { openGroups } from '../consensus/ground.ts'

const numberOf = ({ extensions }: Message) => Number(extensions?.['sequence'])

function eventsOf(mesh: Mesh, i: number): NodeEvent[] {
  const told: NodeEvent[] = []
  void (async () => {
    for await (const event of mesh.nodes[i]!.events()) told.push(event)
  })()
  return told
}

describe('total order of sends', () => {
  let mesh: Mesh
  let groups: KeyValueGroup[]
  const start = async (options: Parameters<typeof createMesh>[0], voters = 3) => {
    mesh = await createMesh(options)
    groups = await openGroups(mesh, voters)
    await groups[0]!.propose('ready', true)
  }
  afterEach(() => mesh.stop())
  const total = (i: number, more: SendOptions = {}): SendOptions => ({ ordering: 'total', group: groups[i], ...more })

  it('numbers what several send to one name, and hands it out in that order, without a gap', async () => {
    await start({ nodes: 6, seed: 7, latency: [1, 60] })
    const got: [number, string][] = []
    await mesh.nodes[5]!.agent('worker', {
      receive: async (message) => {
        await mesh.sleep(5)
        got.push([numberOf(message), message.data])
      }
    })
    const senders = await Promise.all([0, 3, 4].map((i) => mesh.nodes[i]!.agent(`sender-${i}`)))
    const sends = Array.from({ length: 10 }, (_, n) =>
      senders.map((sender, at) => sender.send('worker', `${at} ${n}`, total([0, 3, 4][at]!)))
    ).flat()
    const receipts = await Promise.all(sends)
    assert(receipts.every(({ status }) => status === 'delivered'))
    assert.deepEqual(
      got.map(([number]) => number),
      Array.from({ length: 30 }, (_, i) => i + 1)
    )
    for (const at of [0, 1, 2]) {
      const own = got.filter(([, data]) => data.startsWith(`${at} `)).map(([, data]) => data)
      assert.deepEqual(
        own,
        Array.from({ length: 10 }, (_, n) => `${at} ${n}`)
      )
    }
  })

  it('has a sequence for each key, and one member for each', async () => {
    await start({ nodes: 5, seed: 8 })
    const got = new Map<string, string[]>()
    for (const i of [3, 4]) {
      const receive = (message: Message): void => {
        const key = message.routing!.key!
        got.set(key, [...(got.get(key) ?? []), `${numberOf(message)} at ${i}`])
      }
      await mesh.nodes[i]!.agent('worker', { receive })
    }
    const sender = await mesh.nodes[0]!.agent('sender')
    await mesh.nodes[0]!.ready({ peers: 4 })
    for (const key of ['a', 'b', 'c', undefined]) {
      for (let n = 0; n < 3; n++) await sender.send('worker', n, total(0, key === undefined ? {} : { key }))
    }
    assert.deepEqual([...got.keys()].sort(), ['', 'a', 'b', 'c'])
    for (const [first, ...others] of got.values()) {
      const host = first!.split(' at ')[1]
      assert.deepEqual([first, ...others], [`1 at ${host}`, `2 at ${host}`, `3 at ${host}`])
    }
  })

  it('hands the next out once the one before has met its end: also one that failed at first', async () => {
    await start({ nodes: 5, seed: 9 })
    const log: string[] = []
    let failed = false
    await mesh.nodes[4]!.agent('worker', {
      receive: [
        async (message, ctx) => {
          const number = numberOf(message)
          log.push(`begin ${number}`)
          if (number === 2 && !failed) {
            failed = true
            ctx.nak(1_000)
            return
          }
          await mesh.sleep(100)
          log.push(`end ${number}`)
        },
        { concurrency: 8 }
      ]
    })
    const senders = await Promise.all([0, 1, 2].map((i) => mesh.nodes[i]!.agent(`sender-${i}`)))
    await Promise.all(senders.map((sender, i) => sender.send('worker', i, total(i))))
    assert.deepEqual(log, ['begin 1', 'end 1', 'begin 2', 'begin 2', 'end 2', 'begin 3', 'end 3'])
  })

  it('voids what does not come in time, says so, and gives the late message another number', async () => {
    const limits = { totalGapTimeout: 3_000 }
    await start({ nodes: Array.from({ length: 6 }, () => ({ limits })), seed: 10 })
    const told = eventsOf(mesh, 5)
    const got: [number, string][] = []
    await mesh.nodes[5]!.agent('worker', { receive: (message) => void got.push([numberOf(message), message.data]) })
    const [early, late] = await Promise.all([3, 4].map((i) => mesh.nodes[i]!.agent(`sender-${i}`)))
    await early!.send('worker', 'first', total(3))
    // It gets its number, and then cannot reach the receiver.
    mesh.partition([4], [5])
    const lost = late!.send('worker', 'late', total(4, { maxRetries: 20 }))
    await mesh.advance(1_000)
    await early!.send('worker', 'next', total(3))
    assert.deepEqual(got, [
      [1, 'first'],
      [3, 'next']
    ])
    const [event] = told.filter(({ kind }) => kind === 'sequence-voided')
    assert.deepEqual(
      { ...event, at: 0 },
      {
        ...{ at: 0, kind: 'sequence-voided', group: 'config', agent: 'worker', key: '' },
        ...{ from: 2, to: 2 }
      }
    )
    mesh.heal()
    assert.equal((await lost).status, 'delivered')
    assert.deepEqual(got.at(-1), [4, 'late'])
  })

  it('reaches all members in one order', async () => {
    await start({ nodes: 6, seed: 11, latency: [1, 80] })
    const got: string[][] = [[], [], []]
    for (const i of [0, 1, 2]) {
      await mesh.nodes[3 + i]!.agent('worker', {
        receive: (message) => void got[i]!.push(`${numberOf(message)} ${message.data}`)
      })
    }
    const senders = await Promise.all([0, 1, 2].map((i) => mesh.nodes[i]!.agent(`sender-${i}`)))
    await Promise.all([0, 1, 2].map((i) => mesh.nodes[i]!.ready({ peers: 5 })))
    const sends = Array.from({ length: 6 }, (_, n) =>
      senders.map((sender, i) => sender.send('worker', `${i} ${n}`, { ...total(i), to: 'all' }))
    ).flat()
    const receipts = await Promise.all(sends)
    assert(receipts.every((all) => all.length === 3))
    assert.deepEqual(got[1], got[0])
    assert.deepEqual(got[2], got[0])
    assert.deepEqual(
      got[0]!.map((text) => Number(text.split(' ')[0])),
      Array.from({ length: 18 }, (_, i) => i + 1)
    )
    for (const i of [0, 1, 2]) {
      const own = got[0]!.map((text) => text.split(' ').slice(1)).filter(([who]) => who === `${i}`)
      assert.deepEqual(
        own.map(([, n]) => Number(n)),
        [0, 1, 2, 3, 4, 5]
      )
    }
  })

  it('goes on where the receiver was started anew: what its senders know to be settled is not waited for', async () => {
    await start({ nodes: 5, seed: 12 })
    const got: number[] = []
    const receive = (message: Message) => void got.push(numberOf(message))
    await mesh.nodes[4]!.agent('worker', { receive })
    const sender = await mesh.nodes[0]!.agent('sender')
    for (let n = 0; n < 3; n++) await sender.send('worker', n, total(0))
    mesh.crash(4)
    await mesh.advance(10_000)
    await mesh.restart(4)
    await mesh.nodes[4]!.agent('worker', { receive })
    const from = mesh.now
    await sender.send('worker', 4, total(0))
    assert(mesh.now - from < 5_000)
    assert.deepEqual(got, [1, 2, 3, 4])
  })

  it('keeps number and place of what is durable when its sender starts anew', async () => {
    await start({ nodes: 6, seed: 13, disks: {} })
    const got: [number, string][] = []
    await mesh.nodes[5]!.agent('worker', { receive: (message) => void got.push([numberOf(message), message.data]) })
    const first = await mesh.nodes[3]!.agent('sender')
    const other = await mesh.nodes[4]!.agent('other')
    await first.send('worker', 'a', total(3))
    mesh.partition([3], [5])
    const receipt = await first.send('worker', 'b', total(3, { durable: true }))
    assert.equal(receipt.status, 'stored')
    await mesh.advance(2_000)
    mesh.crash(3)
    mesh.heal()
    const waiting = other.send('worker', 'c', total(4))
    await mesh.restart(3)
    await mesh.nodes[3]!.consensus('config', { voters: mesh.nodes.slice(0, 3).map(({ peerId }) => peerId) })
    await waiting
    assert.deepEqual(got, [
      [1, 'a'],
      [2, 'b'],
      [3, 'c']
    ])
  })

  it('is exactly-once where that is asked for', async () => {
    await start({ nodes: 5, seed: 14, loss: 0.02 })
    const agent = await mesh.nodes[4]!.agent('worker')
    agent.receive(
      async (message, ctx) => {
        const list = (await ctx.state.get('list')) ?? []
        await ctx.commit([{ type: 'put', key: 'list', value: [...list, numberOf(message)] }])
      },
      { delivery: 'exactly-once' }
    )
    const senders = await Promise.all([0, 3].map((i) => mesh.nodes[i]!.agent(`sender-${i}`)))
    const sends = Array.from({ length: 8 }, (_, n) =>
      senders.map((sender, at) => sender.send('worker', n, total([0, 3][at]!, { delivery: 'exactly-once' })))
    ).flat()
    await Promise.all(sends)
    assert.deepEqual(
      await agent.state.get('list'),
      Array.from({ length: 16 }, (_, i) => i + 1)
    )
  })

  it('needs a group, a majority of it, and acknowledgements', async () => {
    await start({ nodes: 5, seed: 15 })
    const got: unknown[] = []
    await mesh.nodes[4]!.agent('worker', { receive: ({ data }) => void got.push(data) })
    const sender = await mesh.nodes[3]!.agent('sender')
    await mesh.nodes[3]!.ready({ peers: 4 })
    const refused: [SendOptions, string][] = [
      [{ ordering: 'total' }, 'ERR_NO_CONSENSUS'],
      [{ ordering: 'total', group: { name: 'other' } }, 'ERR_CONFIG'],
      [{ ordering: 'causal', group: groups[3] }, 'ERR_CONFIG'],
      [total(3, { delivery: 'at-most-once' }), 'ERR_CONFIG'],
      [total(3, { acknowledgmentRequired: false }), 'ERR_CONFIG'],
      [total(3, { duplicateDetection: false }), 'ERR_CONFIG']
    ]
    for (const [options, code] of refused) {
      await assert.rejects(sender.send('worker', 1, options), { code }, JSON.stringify(Object.keys(options)))
    }
    await assert.rejects(sender.request('worker', 1, { ordering: 'total' }), { code: 'ERR_UNSUPPORTED' })
    mesh.partition([0, 1], [2, 3, 4])
    const from = mesh.now
    await assert.rejects(sender.send('worker', 1, total(3)), { code: 'ERR_NO_QUORUM' })
    assert(mesh.now - from <= 5_100)
    await assert.rejects(sender.send('worker', 2, total(3, { timeout: 700 })), { code: 'ERR_NO_QUORUM' })
    await assert.rejects(sender.send('worker', 3, { ...total(3), to: 'all', timeout: 700 }), { code: 'ERR_NO_QUORUM' })
    assert(mesh.now - from <= 6_800)
    assert.deepEqual(got, [])
  })

  it('is explained, with its group and its sequence', async () => {
    await start({ nodes: 3, seed: 16 })
    const [node] = mesh.nodes
    const why = (message: object) => node!.explain({ data: 1, ...message }, 'worker').ordering
    const total = { mode: 'at-least-once', ordering: 'total', group: 'config' } as const
    assert.deepEqual(why({ guarantee: total, routing: { key: 'k' } }), {
      chosen: 'total',
      reason: 'the message asks for it: the group config numbers all that is sent to worker under the key k'
    })
    assert.match(
      why({ guarantee: { ...total, mode: 'at-most-once' }, routing: { topic: 'a.b' } }).reason,
      /published to a\.b/
    )
    assert.match(why({ guarantee: { ...total, group: undefined } }).reason, /ERR_NO_CONSENSUS/)
    assert.match(why({ type: 'phoenix.cluster.node.join' }).reason, /needs a group/)
  })
})
