import assert from 'node:assert/strict'
import { fateOf, gate, withMesh } from './ground.ts'

interface Order {
  list: number[]
  bytes: Uint8Array
  map: Map<string, { n: number }>
  when: Date
}

const order = (): Order => ({
  list: [1, 2],
  bytes: Uint8Array.of(1, 2),
  map: new Map([['k', { n: 1 }]]),
  when: new Date(0)
})

function spoil(value: Order): void {
  value.list.push(3)
  value.bytes[0] = 99
  value.map.get('k')!.n = 99
  value.when.setTime(1e12)
}

describe('a request that is asked again of another member', () => {
  it('has the data that it had', async () => {
    await withMesh({ nodes: 3 }, async (mesh) => {
      const asked: [node: number, value: number][] = []
      for (const i of [1, 2]) {
        const handle = {
          get: ({ data }: { data: Order }) => {
            const value = data.bytes[0]!
            return asked.push([i, value]) % 2 === 0 ? value : new Promise(() => {})
          }
        }
        await mesh.run(mesh.nodes[i]!.agent('worker', { handle }))
      }
      const agent = await mesh.run(mesh.nodes[0]!.agent('asker'))
      await mesh.advance(1_000)
      const data = order()
      const reply = agent.request('worker', data, { type: 'get', idempotent: true, timeout: 60_000 })
      spoil(data)
      await mesh.advance(100)
      mesh.crash(asked[0]![0])
      assert.equal((await mesh.run(reply)).data, 1)
      assert.deepEqual(
        asked.map(([, value]) => value),
        [1, 1]
      )
    })
  })
})

for (const [where, sender] of [
  ['on the same node', 0],
  ['on another node', 1]
] as const) {
  describe(`data between agents ${where}`, () => {
    it('is what it was when it was sent, also where its sender had to wait', async () => {
      const limits = { mailbox: { messages: 4, highWatermark: 2, lowWatermark: 1 } }
      await withMesh({ nodes: [{ limits }, { limits }] }, async (mesh) => {
        const got: number[] = []
        const held = gate()
        const receive = async ({ data }: { data: { n: number } }) => {
          got.push(data.n)
          await held.passed
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const options = { delivery: 'at-most-once', timeout: 60_000 } as const
        const data = { n: 1 }
        for (; data.n <= 4; data.n++) {
          void fateOf(agent.send('worker', data, options))
          await mesh.advance(50)
        }
        held.open()
        await mesh.advance(1_000)
        assert.deepEqual(got, [1, 2, 3, 4])
      })
    })

    it('is of the same classes: a Buffer arrives as a Uint8Array', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const got: unknown[] = []
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive: ({ data }) => void got.push(data) }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        for (const delivery of ['at-most-once', 'at-least-once'] as const) {
          await mesh.run(agent.send('worker', [Buffer.of(1)], { delivery }))
          await mesh.advance(50)
          assert.deepStrictEqual(got.splice(0), [[Uint8Array.of(1)]], delivery)
        }
      })
    })

    it('is never shared: neither side sees what the other does to it', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const got: unknown[] = []
        const receive = ({ data }: { data: Order }) => {
          got.push(structuredClone(data))
          spoil(data)
        }
        const handle = {
          echo: ({ data }: { data: Order }) => {
            queueMicrotask(() => spoil(data))
            return data
          },
          async *twice({ data }: { data: Order }) {
            yield data
            spoil(data)
            yield data
          }
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive, handle }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        for (const delivery of ['at-most-once', 'at-least-once'] as const) {
          const data = order()
          const sent = agent.send('worker', data, { delivery })
          spoil(data)
          await mesh.run(sent)
          await mesh.advance(50)
          assert.deepEqual(got.splice(0), [order()], delivery)
        }
        const bytes = Uint8Array.of(1, 2, 3)
        const sent = agent.send('worker', { ...order(), bytes }, { delivery: 'at-least-once' })
        bytes.fill(0)
        await mesh.run(sent)
        assert.deepEqual((got.splice(0)[0] as Order).bytes, Uint8Array.of(1, 2, 3))

        const data = order()
        const asked = agent.request('worker', data, { type: 'echo' })
        spoil(data)
        const reply = await mesh.run(asked)
        assert.deepEqual(reply.data, order())
        const parts: unknown[] = []
        await mesh.run(
          (async () => {
            for await (const part of agent.stream('worker', order(), { type: 'twice' })) {
              parts.push(structuredClone(part.data))
              spoil(part.data)
            }
          })()
        )
        const spoilt = order()
        spoil(spoilt)
        assert.deepEqual(parts, [order(), spoilt])
      })
    })

    it('gives each attempt what was sent, whatever the last one did to it', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const got: unknown[] = []
        const receive = ({ data }: { data: Order }) => {
          got.push(structuredClone(data))
          spoil(data)
          if (got.length === 1) throw new Error('again')
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        await mesh.run(agent.send('worker', order(), { delivery: 'at-least-once' }))
        assert.deepEqual(got, [order(), order()])
      })
    })

    it('is refused with its path where no message can carry it', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive: () => {}, handle: { echo: ({ data }) => data } }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const bad = { items: [1, { f: () => 1 }] }
        const refused = { code: 'ERR_UNREPRESENTABLE', details: { path: '$.items[1].f' } }
        for (const delivery of ['at-most-once', 'at-least-once'] as const) {
          const error = await mesh.run(agent.send('worker', bad, { delivery })).catch((e) => e)
          assert.equal(error.code, refused.code)
          assert.match(error.details.path, /items.*1.*f/)
        }
        const error = await mesh.run(agent.request('worker', bad, { type: 'echo' })).catch((e) => e)
        assert.equal(error.code, refused.code)
        assert.match(error.details.path, /items.*1.*f/)
      })
    })

    it('is bounded in bytes, and carried up to the bound', async () => {
      const limits = { messageBytes: 100_000 }
      await withMesh({ nodes: [{ limits }, { limits }] }, async (mesh) => {
        const handle = { size: ({ data }: { data: Uint8Array }) => data.length, large: () => new Uint8Array(100_001) }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive: () => {}, handle }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const [fits, large] = [new Uint8Array(100_000), new Uint8Array(100_001)]
        for (const delivery of ['at-most-once', 'at-least-once'] as const) {
          await mesh.run(agent.send('worker', fits, { delivery }))
          await assert.rejects(mesh.run(agent.send('worker', large, { delivery })), { code: 'ERR_MESSAGE_TOO_LARGE' })
        }
        assert.equal((await mesh.run(agent.request('worker', fits, { type: 'size' }))).data, 100_000)
        for (const [data, type] of [
          [large, 'size'],
          [1, 'large']
        ] as const) {
          await assert.rejects(mesh.run(agent.request('worker', data, { type })), { code: 'ERR_MESSAGE_TOO_LARGE' })
        }
      })
    })

    it('goes to the member asked for, or to nobody', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive: () => {}, handle: { echo: ({ data }) => data } }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        for (const wish of [{ instance: 'none' }, { peer: 'none' }]) {
          const target = { name: 'worker', ...wish }
          for (const delivery of ['at-most-once', 'at-least-once'] as const) {
            await assert.rejects(mesh.run(agent.send(target, 1, { delivery })), { code: 'ERR_NO_RESPONDERS' })
          }
          await assert.rejects(mesh.run(agent.request(target, 1, { type: 'echo' })), { code: 'ERR_NO_RESPONDERS' })
        }
      })
    })

    it('takes what the envelope’s rules allow, and refuses the rest by name', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive: () => {} }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const refusals: [object, string][] = [
          [{ delivery: 'sometimes' }, 'ERR_CONFIG'],
          [{ ordering: 'total' }, 'ERR_NO_CONSENSUS'],
          [{ ordering: 'sorted' }, 'ERR_CONFIG'],
          [{ durable: true }, 'ERR_NO_DATA_DIR'],
          [{ type: '' }, 'ERR_INVALID_MESSAGE'],
          [{ priority: 'urgent' }, 'ERR_INVALID_MESSAGE'],
          [{ retryStrategy: 'hope', delivery: 'at-least-once' }, 'ERR_CONFIG'],
          [{ maxRetries: -1, delivery: 'at-least-once' }, 'ERR_CONFIG']
        ]
        for (const [options, code] of refusals) {
          await assert.rejects(mesh.run(agent.send('worker', 1, options as never)), { code }, JSON.stringify(options))
        }
        await assert.rejects(mesh.run(agent.send('', 1)), { code: 'ERR_CONFIG' })
        await assert.rejects(mesh.run(agent.send('nobody', 1)), { code: 'ERR_NO_RESPONDERS' })
      })
    })
  })
}
