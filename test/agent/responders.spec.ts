import assert from 'node:assert/strict'
import { MeshError } from '../../protocols/errors.ts'
import { PART_WINDOW } from '../../protocols/request-response/constants.ts'
import type { Context } from '../../src/agent/types.ts'
import { numbers } from '../kit/numbers.ts'
import { fateOf, gate, withMesh } from './ground.ts'

async function collect(items: AsyncIterable<{ data: unknown }>): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const { data } of items) found.push(data)
  return found
}

for (const [where, caller] of [
  ['on the same node', 0],
  ['on another node', 1]
] as const) {
  describe(`a responder whose caller is ${where}`, () => {
    it('tells a cancelled handler, and the caller at once', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const seen: AbortSignal[] = []
        const handle = {
          wait: async (_: unknown, ctx: Context) => {
            seen.push(ctx.signal)
            await new Promise(() => {})
          }
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const stop = new AbortController()
        const fate = fateOf(agent.request('worker', 1, { type: 'wait', signal: stop.signal, timeout: 60_000 }))
        await mesh.advance(50)
        stop.abort(new Error('changed my mind'))
        await mesh.advance(0)
        assert.equal(fate.code, 'ERR_ABORTED')
        await mesh.advance(50)
        assert.equal(seen[0]!.aborted, true)
        await assert.rejects(mesh.run(agent.request('worker', 1, { type: 'wait', signal: AbortSignal.abort() })), {
          code: 'ERR_ABORTED'
        })
        assert.equal(seen.length, 1)
      })
    })

    it('lets go of the stream of a request that is answered before its next item came', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        let left = 0
        const source: AsyncIterable<number> = {
          [Symbol.asyncIterator]: () => ({
            next: () => new Promise(() => {}),
            return: async () => {
              left++
              return { done: true, value: undefined }
            }
          })
        }
        const read = async ({ data }: { data: AsyncIterable<number> }): Promise<string> => {
          void data[Symbol.asyncIterator]().next()
          return 'enough'
        }
        await mesh.run(mesh.nodes[0]!.agent('reader', { handle: { first: read } }))
        assert.equal((await mesh.run(agent.request('reader', source, { type: 'first' }))).data, 'enough')
        await mesh.advance(50)
        assert.equal(left, 1)
      })
    })

    it('is free again for whoever comes after callers that left a stream which never goes on', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        async function* stuck(): AsyncGenerator<number> {
          yield 1
          await new Promise(() => {})
        }
        worker.handle('stuck', async () => stuck(), { concurrency: 1 })
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        for (let i = 0; i < 3; i++) {
          const parts = agent.stream('worker', i, { type: 'stuck', timeout: 1_000 })[Symbol.asyncIterator]()
          assert.equal((await mesh.run(parts.next())).value?.data, 1)
          await mesh.run(parts.return!())
          await mesh.advance(50)
        }
      })
    })

    it('closes a stream whose caller left before the handler came with it', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const held = gate()
        const calls: string[] = []
        const stream = {
          [Symbol.asyncIterator]: () => ({
            next: () => Promise.resolve({ done: calls.push('next') > 9, value: 0 }),
            return: () => Promise.resolve({ done: calls.push('return') > 0, value: undefined })
          })
        }
        const handle = { late: () => held.passed.then(() => stream) }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const stop = new AbortController()
        const parts = agent.stream('worker', 0, { type: 'late', signal: stop.signal })[Symbol.asyncIterator]()
        const fate = fateOf(parts.next())
        await mesh.advance(50)
        stop.abort()
        await mesh.advance(50)
        assert.equal(fate.code, 'ERR_ABORTED')
        held.open()
        await mesh.advance(50)
        assert.deepEqual(calls, ['return'])
      })
    })

    it('does a request once, whatever code its handler throws', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        let begun = 0
        for (const node of mesh.nodes) {
          const worker = await mesh.run(node.agent('worker'))
          worker.handle('nested', () => {
            begun++
            return worker.request('nobody', 0)
          })
        }
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        await mesh.advance(1_000)
        const peer = mesh.nodes[0]!.peerId
        for (const target of ['worker', { name: 'worker', peer }]) {
          const options = { type: 'nested', idempotent: true }
          await assert.rejects(mesh.run(agent.request(target, 0, options)), { code: 'ERR_NO_RESPONDERS' })
        }
        assert.equal(begun, 2)
      })
    })

    it('carries the deadline to the handler, and ends both sides at it', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const contexts: { left: number; signal: AbortSignal }[] = []
        const epoch = Date.UTC(2026, 0, 1)
        const handle = {
          wait: async (_: unknown, { deadline, signal }: Context) => {
            contexts.push({ left: deadline! - epoch - mesh.now, signal })
            await new Promise(() => {})
          }
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const fate = fateOf(agent.request('worker', 1, { type: 'wait', timeout: 700 }))
        await mesh.advance(650)
        assert.equal(fate.status, 'pending')
        await mesh.advance(100)
        assert.equal(fate.code, 'ERR_TIMEOUT')
        assert.ok(contexts[0]!.left > 600 && contexts[0]!.left <= 701, `${contexts[0]!.left}`)
        assert.equal(contexts[0]!.signal.aborted, true)
      })
    })

    it('gives whoever asks after its call has ended well a signal that is aborted', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const contexts: Context[] = []
        const handle = {
          one: (_: unknown, ctx: Context) => contexts.push(ctx),
          many: async function* (_: unknown, ctx: Context) {
            yield contexts.push(ctx)
          }
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        await mesh.run(agent.request('worker', 0, { type: 'one' }))
        await mesh.run(collect(agent.stream('worker', 0, { type: 'many' })))
        const reasons = contexts.map(({ signal }) => signal.aborted && (signal.reason as MeshError).code)
        assert.deepEqual(reasons, ['ERR_ABORTED', 'ERR_ABORTED'])
      })
    })

    it('answers many at once, each with its own', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const handle = { echo: async ({ data }: { data: number }) => data }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const asks = numbers(1_500).map((i) => agent.request('worker', i, { type: 'echo' }))
        const replies = await mesh.run(Promise.all(asks))
        assert.deepEqual(
          replies.map(({ data }) => data),
          numbers(1_500)
        )
        assert.equal(new Set(replies.map(({ id }) => id)).size, 1_500)
      })
    })

    it('brings back large replies to many requests, in bounded memory', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const handle = { fetch: () => new Uint8Array(2 ** 16) }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const asks = numbers(400).map((i) => agent.request('worker', i, { type: 'fetch', timeout: 60_000 }))
        const replies = await mesh.run(Promise.all(asks))
        assert.ok(replies.every(({ data }) => (data as Uint8Array).length === 2 ** 16))
      })
    })

    it('keeps to its concurrency, whatever becomes of the calls', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        let running = 0
        let most = 0
        worker.handle(
          'job',
          async ({ data }) => {
            most = Math.max(most, ++running)
            await Promise.resolve()
            running--
            if (data % 3 === 0) throw new Error('some fail')
            return data
          },
          { concurrency: 4 }
        )
        worker.handle('stuck', () => new Promise(() => {}), { concurrency: 2 })
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const fates = numbers(60).map((i) => fateOf(agent.request('worker', i, { type: 'job' })))
        await mesh.advance(200)
        assert.ok(most <= 4)
        assert.deepEqual(
          fates.map(({ status }) => status),
          numbers(60).map((i) => (i % 3 === 0 ? 'rejected' : 'fulfilled'))
        )
        // A stream has no deadline: its handler's place is free again when its caller has left.
        for (let i = 0; i < 6; i++) {
          const stop = new AbortController()
          const stream = agent.stream('worker', i, { type: 'stuck', signal: stop.signal })
          const fate = fateOf(collect(stream))
          await mesh.advance(50)
          stop.abort()
          await mesh.advance(50)
          assert.equal(fate.code, 'ERR_ABORTED')
        }
      })
    })

    it('answers a stream from one value, and survives a caller who left before', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const held = gate()
        const handle = {
          late: async () => {
            await held.passed
            return 'late'
          },
          value: () => 'value'
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        assert.deepEqual(await mesh.run(collect(agent.stream('worker', 0, { type: 'value' }))), ['value'])
        const stop = new AbortController()
        const fate = fateOf(collect(agent.stream('worker', 0, { type: 'late', signal: stop.signal })))
        await mesh.advance(50)
        stop.abort()
        await mesh.advance(50)
        held.open()
        await mesh.advance(50)
        assert.equal(fate.code, 'ERR_ABORTED')
        await assert.rejects(mesh.run(agent.request('worker', 0, { type: 'unknown' })), { code: 'ERR_NO_HANDLER' })
      })
    })

    it('produces a stream no faster than it is read', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        let made = 0
        const handle = {
          async *count() {
            for (;;) yield made++
          }
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const stream = agent.stream('worker', 0, { type: 'count' })[Symbol.asyncIterator]()
        for (let i = 0; i < 10; i++) assert.equal((await mesh.run(stream.next())).value.data, i)
        await mesh.advance(5_000)
        assert.ok(made <= 10 + 64 + 1, `${made} made, 10 read`)
        for (let i = 10; i < 300; i++) assert.equal((await mesh.run(stream.next())).value.data, i)
        await mesh.run(stream.return!())
        await mesh.advance(100)
        const after = made
        await mesh.advance(5_000)
        assert.equal(made, after)
      })
    })

    it('streams what a plain generator yields, at the reader’s pace, and ends it when the reader leaves', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        let made = 0
        let finished = 0
        const handle = {
          *count() {
            try {
              for (;;) yield ++made % 2 === 0 ? Promise.resolve(made) : made
            } finally {
              finished++
            }
          },
          *fails() {
            yield 1
            throw new MeshError('ERR_TERMINATED', 'enough')
          },
          list: () => [1, 2]
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const parts = agent.stream('worker', 0, { type: 'count' })[Symbol.asyncIterator]()
        for (let i = 1; i <= 3; i++) assert.equal((await mesh.run(parts.next())).value.data, i)
        await mesh.advance(1_000)
        assert.ok(made <= 2 * PART_WINDOW.parts, `${made} made for a reader of three`)
        await mesh.run(parts.return!())
        await mesh.advance(50)
        assert.equal(finished, 1)
        const failing = agent.stream('worker', 0, { type: 'fails' })[Symbol.asyncIterator]()
        assert.equal((await mesh.run(failing.next())).value.data, 1)
        await assert.rejects(mesh.run(failing.next()), { code: 'ERR_TERMINATED' })
        await assert.rejects(mesh.run(agent.request('worker', 0, { type: 'count' })), { code: 'ERR_UNSUPPORTED' })
        assert.deepEqual((await mesh.run(agent.request('worker', 0, { type: 'list' }))).data, [1, 2])
      })
    })

    it('lets go of a caller who leaves while the next part does not come', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const signals: AbortSignal[] = []
        const handle = {
          async *stuck(_: unknown, ctx: Context) {
            signals.push(ctx.signal)
            yield 1
            await new Promise(() => {})
          }
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const stream = agent.stream('worker', 0, { type: 'stuck' })[Symbol.asyncIterator]()
        assert.equal((await mesh.run(stream.next())).value.data, 1)
        const next = stream.next()
        await mesh.run(stream.return!(), { limit: 1_000 })
        assert.equal((await next).done, true)
        await mesh.advance(50)
        assert.equal(signals[0]!.aborted, true)
        const unread = agent.stream('worker', 0, { type: 'stuck' })[Symbol.asyncIterator]()
        await mesh.run(unread.return!(), { limit: 1_000 })
        assert.equal(signals.length, 1, 'what nobody reads is not asked for')
      })
    })

    it('reads the stream that a request is, no faster than it wants, and fails with its source', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        let made = 0
        let finished = 0
        async function* source(fail = Number.POSITIVE_INFINITY) {
          try {
            for (let i = 0; i < 500; i++) {
              if (i === fail) throw new Error('the source broke')
              made++
              yield i
            }
          } finally {
            finished++
          }
        }
        const hold = gate()
        const handle = {
          sum: async ({ data }: { data: AsyncIterable<number> }) => {
            let sum = 0
            for await (const n of data) {
              sum += n
              if (n === 3) await hold.passed
            }
            return sum
          },
          first: async ({ data }: { data: AsyncIterable<number> }) => {
            for await (const n of data) return n
          },
          async *double({ data }: { data: AsyncIterable<number> }) {
            for await (const n of data) yield n * 2
          }
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const sum = fateOf(agent.request('worker', source(), { type: 'sum', timeout: 60_000 }))
        await mesh.advance(1_000)
        assert.ok(made <= 4 + 64 + 1, `${made} made, 4 read`)
        hold.open()
        await mesh.advance(1_000)
        assert.equal((sum.value as { data: number }).data, (499 * 500) / 2)
        assert.deepEqual(
          await mesh.run(collect(agent.stream('worker', source(), { type: 'double' }))),
          numbers(500).map((i) => i * 2)
        )
        assert.equal((await mesh.run(agent.request('worker', source(), { type: 'first' }))).data, 0)
        await mesh.advance(100)
        assert.equal(finished, 3, 'a source that is read no further is told so')
        await assert.rejects(mesh.run(agent.request('worker', source(100), { type: 'sum' })))
        assert.equal(finished, 4)
      })
    })

    it('says what a handler answers that no message can carry', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const handle = { bad: () => ({ list: [1, () => 2] }) }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        await assert.rejects(mesh.run(agent.request('worker', 1, { type: 'bad' })), { code: 'ERR_UNREPRESENTABLE' })
      })
    })

    it('fails a stream behind what it gave', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const handle = {
          async *broken() {
            yield 1
            yield 2
            throw Object.assign(new Error('half-way'), { code: 'E_HALF' })
          }
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const got: unknown[] = []
        const reading = (async () => {
          for await (const { data } of agent.stream('worker', 0, { type: 'broken' })) got.push(data)
        })()
        await assert.rejects(mesh.run(reading), { code: 'E_HALF', message: 'half-way' })
        assert.deepEqual(got, [1, 2])
        await assert.rejects(mesh.run(agent.request('worker', 0, { type: 'broken' })), { code: 'ERR_UNSUPPORTED' })
      })
    })
  })
}

describe('calls whose link is lost', () => {
  it('end on both sides; what may run twice is tried again', async () => {
    await withMesh({ nodes: 3, timeout: 1_000 }, async (mesh) => {
      const signals: AbortSignal[] = []
      const handle = {
        wait: async (_: unknown, ctx: Context) => {
          signals.push(ctx.signal)
          await new Promise(() => {})
        }
      }
      await mesh.run(mesh.nodes[0]!.agent('worker', { handle }))
      const agent = await mesh.run(mesh.nodes[1]!.agent('caller'))
      const asked = fateOf(agent.request('worker', 1, { type: 'wait', timeout: 60_000 }))
      const streamed = fateOf(collect(agent.stream('worker', 1, { type: 'wait' })))
      await mesh.advance(100)
      mesh.partition([0], [1, 2])
      await mesh.advance(8_000)
      assert.deepEqual([asked.code, streamed.code], ['ERR_LINK_CLOSED', 'ERR_LINK_CLOSED'])
      assert.deepEqual(
        signals.map(({ aborted }) => aborted),
        [true, true]
      )
    })
  })

  it('end when their own node stops', async () => {
    for (const caller of [0, 1]) {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const never = () => new Promise(() => {})
        await mesh.run(mesh.nodes[0]!.agent('worker', { handle: { wait: never }, receive: never }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const fates = [
          fateOf(agent.request('worker', 1, { type: 'wait', timeout: 600_000 })),
          fateOf(collect(agent.stream('worker', 1, { type: 'wait' }))),
          ...(caller === 1 ? [fateOf(agent.send('worker', 1, { delivery: 'at-least-once' }))] : [])
        ]
        await mesh.advance(100)
        const began = mesh.now
        await mesh.run(mesh.nodes[caller]!.stop({ timeout: 3_000 }))
        assert.ok(mesh.now - began <= 3_100, `stopped after ${mesh.now - began} ms`)
        assert.deepEqual(
          fates.map(({ status }) => status),
          fates.map(() => 'rejected'),
          JSON.stringify(fates)
        )
        await assert.rejects(mesh.run(agent.request('worker', 1, { type: 'wait' })), { code: 'ERR_STOPPED' })
      })
    }
  })
})

describe('requests for a handler whose queue never drains', () => {
  it('are shed by their priority, low first, and told so; what is critical never', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const waits: (() => void)[] = []
      const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
      worker.handle('work', () => new Promise<void>((resolve) => waits.push(resolve)), { concurrency: 1 })
      const agent = await mesh.run(mesh.nodes[1]!.agent('caller'))
      const ask = (priority: 'low' | 'normal' | 'critical') =>
        fateOf(agent.request('worker', 0, { type: 'work', timeout: 600_000, priority }))
      const first = Array.from({ length: 40 }, () => ask('normal'))
      const proceed = async (times: number) => {
        for (let i = 0; i < times; i++) {
          await mesh.advance(300)
          waits.shift()?.()
        }
      }
      assert.equal((await outcome(ask('low'))).code, undefined)
      await proceed(9)
      assert.equal((await outcome(ask('low'))).code, 'ERR_OVERLOADED')
      await proceed(9)
      assert.equal((await outcome(ask('normal'))).code, 'ERR_OVERLOADED')
      assert.equal((await outcome(ask('critical'))).code, undefined)
      assert.equal(mesh.nodes[0]!.counters().shed, 2)
      await proceed(60)
      assert.ok(first.every(({ status }) => status === 'fulfilled'))
      // Nothing waits any more: nothing is shed.
      const last = ask('low')
      await proceed(2)
      assert.equal(last.status, 'fulfilled')
      // Nor of a burst that comes much later, though the last that was seen of the queue is that it was bad.
      await mesh.advance(60_000)
      const later = Array.from({ length: 10 }, () => ask('low'))
      await proceed(20)
      assert.ok(later.every(({ status }) => status === 'fulfilled'))

      async function outcome(fate: ReturnType<typeof ask>): Promise<ReturnType<typeof ask>> {
        await mesh.advance(10)
        return fate
      }
    })
  })
})
