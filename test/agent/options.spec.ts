import assert from 'node:assert/strict'
import { createMesh } from '../../src/testing/index.ts'

const LONGEST = 2 ** 40

describe('what a caller says of a call', () => {
  it('is refused by the name of the key where nobody knows it', async () => {
    await using mesh = await createMesh({ nodes: 2 })
    await mesh.nodes[1]!.agent('worker', {
      receive: () => {},
      handle: { echo: ({ data }) => data, count: async function* () {} }
    })
    const [node] = mesh.nodes
    const caller = await node!.agent('caller')
    await mesh.advance(100)
    const calls: [key: string, call: () => unknown][] = [
      ['durabel', () => caller.send('worker', 1, { durabel: true } as never)],
      ['timout', () => caller.request('worker', 1, { type: 'echo', timout: 500 } as never)],
      ['delivery', () => caller.request('worker', 1, { type: 'echo', delivery: 'exactly-once' } as never)],
      ['guarantee', () => caller.request('worker', 1, { type: 'echo', guarantee: { maxRetries: 5 } } as never)],
      ['to', () => caller.request('worker', 1, { type: 'echo', to: 'all' } as never)],
      ['idempotent', () => caller.request('worker', 1, { type: 'echo', idempotent: 'yes' } as never)],
      ['singal', () => caller.stream('worker', 1, { type: 'count', singal: AbortSignal.timeout(1) } as never)],
      ['waitfor', () => caller.publish('a.b', 1, { waitfor: { subscribers: 1 } } as never)],
      ['overflo', () => caller.subscribe('a.b', { overflo: 'reject' } as never)],
      ['peer', () => node!.ready({ peer: 5 } as never)],
      ['timout', () => node!.agent('late', {}, { timout: 1 } as never)],
      ['agnet', () => node!.deadLetters.list({ agnet: 'worker' } as never)],
      ['timout', () => caller.close({ timout: 1 } as never)],
      ['drian', () => node!.stop({ drian: false } as never)]
    ]
    for (const [key, call] of calls) {
      const refused = { code: 'ERR_CONFIG', details: { key } }
      await assert.rejects(async () => call(), refused, key)
    }
  })

  it('is a time that has a number, on links too', async () => {
    await using mesh = await createMesh({ nodes: 2 })
    const naps: unknown[] = []
    for (const node of mesh.nodes)
      await node.agent('worker', { receive: () => {}, handle: { echo: ({ data }) => data } })
    await mesh.nodes[1]!.agent('sleeper', {
      receive: ({ data }, ctx) => {
        try {
          ctx.nak(data as number)
        } catch (error) {
          naps.push([data, (error as { code: string }).code])
          ctx.ack()
        }
      }
    })
    const caller = await mesh.nodes[0]!.agent('caller')
    await mesh.advance(100)
    for (const { peerId: peer } of mesh.nodes) {
      const worker = { name: 'worker', peer }
      for (const none of [Number.NaN, -1, 1e300, LONGEST + 1, '5', null] as number[]) {
        const calls: [key: string, call: () => Promise<unknown>][] = [
          ['ttl', () => caller.send(worker, 1, { ttl: none })],
          ['timeout', () => caller.send(worker, 1, { timeout: none })],
          ['ttl', () => caller.request(worker, 1, { type: 'echo', ttl: none })],
          ['timeout', () => caller.request(worker, 1, { type: 'echo', timeout: none })],
          ['ttl', () => caller.publish('a.b', 1, { ttl: none })],
          ['timeout', () => caller.publish('a.b', 1, { timeout: none })]
        ]
        for (const [key, call] of calls) await assert.rejects(call, { code: 'ERR_CONFIG', details: { key } }, `${none}`)
      }
      for (const timeout of [2 ** 31, LONGEST, Number.POSITIVE_INFINITY]) {
        assert.equal((await caller.request(worker, 1, { type: 'echo', timeout })).data, 1)
        assert.equal((await caller.send(worker, 1, { delivery: 'at-least-once', timeout })).status, 'delivered')
      }
      const { status } = await caller.send(worker, 1, { delivery: 'at-least-once', ttl: LONGEST })
      assert.equal(status, 'delivered')
    }
    for (const delay of [-1, 86_400_001, '5']) await caller.send('sleeper', delay, { delivery: 'at-least-once' })
    assert.deepEqual(naps, [
      [-1, 'ERR_CONFIG'],
      [86_400_001, 'ERR_CONFIG'],
      ['5', 'ERR_CONFIG']
    ])
  })
})
