import assert from 'node:assert/strict'
import { type Agent, type MeshError, type Node, RemoteError } from '../../src/index.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { collect } from '../kit/record.ts'
import { until } from '../kit/until.ts'

describe('requests between nodes', function () {
  this.timeout(30_000)
  let mesh: Mesh<[object, object]>
  let server: Node
  let client: Node
  let caller: Agent

  before(async () => {
    mesh = await meshOf({}, {})
    ;[server, client] = mesh.nodes
    caller = await client.agent('caller')
  })
  after(() => mesh[Symbol.asyncDispose]())

  it('carry class, code and message of what the handler threw, and never a stack', async () => {
    class OwnError extends Error {
      override readonly name = 'OwnError'
      readonly code = 'E_OWN'
    }
    await server.agent('thrower', {
      handle: {
        own: async () => {
          throw new OwnError('not on a Sunday')
        },
        text: () => {
          throw 'just words'
        },
        async *midway() {
          yield 1
          throw new OwnError('the rest is missing')
        }
      }
    })
    const own: MeshError = await caller.request('thrower', 0, { type: 'own' }).catch((error) => error)
    assert.ok(own instanceof RemoteError)
    assert.deepEqual([own.name, own.code, own.message], ['OwnError', 'E_OWN', 'not on a Sunday'])
    assert.doesNotMatch(`${own.stack}`, /request-response\.spec/)
    assert.equal(JSON.stringify(own).includes('spec.ts'), false)
    await assert.rejects(caller.request('thrower', 0, { type: 'text' }), { code: 'ERR_HANDLER', message: 'just words' })
    const read: unknown[] = []
    const midway = async (): Promise<void> => {
      for await (const { data } of caller.stream('thrower', 0, { type: 'midway' })) read.push(data)
    }
    await assert.rejects(midway(), { name: 'OwnError', code: 'E_OWN', message: 'the rest is missing' })
    assert.deepEqual(read, [1])
  })

  it('say at once that nobody has the name, or answers the type', async () => {
    // No timeout could have passed: the request's own is an hour.
    const patient = { type: 'x', timeout: 3_600_000 }
    await assert.rejects(caller.request('nobody-at-all', 0, patient), { code: 'ERR_NO_RESPONDERS', retryable: true })
    await assert.rejects(collect(caller.stream('nobody-at-all', 0, patient)), { code: 'ERR_NO_RESPONDERS' })
    await server.agent('mute', { handle: { other: () => 1 } })
    await assert.rejects(caller.request('mute', 0, patient), { code: 'ERR_NO_HANDLER', retryable: false })
  })

  it('carry their deadline and their cancellation to the remote handler', async () => {
    const deadlines: (number | undefined)[] = []
    const reasons: unknown[] = []
    await server.agent('waiter', {
      handle: {
        wait: (_, ctx) => {
          deadlines.push(ctx.deadline)
          return new Promise((_, reject) =>
            ctx.signal.addEventListener('abort', () => {
              reasons.push((ctx.signal.reason as MeshError).code)
              reject(ctx.signal.reason)
            })
          )
        }
      }
    })
    const controller = new AbortController()
    const cancelled = caller.request('waiter', 0, { type: 'wait', timeout: 60_000, signal: controller.signal })
    await until('the first call', () => deadlines.length === 1)
    const left = deadlines[0]! - Date.now()
    assert.ok(left > 0 && left <= 60_000, `${left} ms left of 60,000`)
    controller.abort()
    await assert.rejects(cancelled, { code: 'ERR_ABORTED' })
    await until('the cancellation', () => reasons.length === 1)
    await assert.rejects(caller.request('waiter', 0, { type: 'wait', timeout: 200 }), { code: 'ERR_TIMEOUT' })
    await until('the second call to be given up', () => reasons.length === 2)
    assert.equal(reasons[0], 'ERR_ABORTED')
    assert.match(String(reasons[1]), /ERR_(TIMEOUT|ABORTED)/)
  })

  it('answer many at once on one stream, each its own', async () => {
    const open: ((value: unknown) => void)[] = []
    await server.agent('gate', {
      handle: { pass: ({ data }) => new Promise((resolve) => open.push(() => resolve(data))) }
    })
    const replies = Array.from({ length: 200 }, (_, i) => caller.request('gate', i, { type: 'pass' }))
    await until('all 200 to be in flight', () => open.length === 200)
    for (const answer of open.reverse()) answer(undefined)
    const values = (await Promise.all(replies)).map(({ data }) => data)
    assert.deepEqual(
      values,
      Array.from({ length: 200 }, (_, i) => i)
    )
  })

  it('stop a producer whose reader is slow: what is under way stays bounded', async () => {
    let made = 0
    let over = false
    await server.agent('fountain', {
      handle: {
        async *flow() {
          try {
            for (;;) {
              made++
              yield Buffer.alloc(10_000, made)
            }
          } finally {
            over = true
          }
        }
      }
    })
    const stream = caller.stream('fountain', null, { type: 'flow' })[Symbol.asyncIterator]()
    let read = 0
    const take = async (count: number): Promise<void> => {
      for (; count > 0; count--, read++) await stream.next()
    }
    await take(1)
    for (const more of [0, 10, 100]) {
      await take(more)
      let before = -1
      // Stalled: a round trip of other requests passes, and nothing more was made.
      await until('the producer to stall', async () => {
        const now = made
        await caller.request('mute', 0, { type: 'other' })
        await caller.request('mute', 0, { type: 'other' })
        const stalled = now === before
        before = now
        return stalled
      })
      assert.ok(made - read <= 200, `${made - read} parts ahead of their reader`)
    }
    await stream.return?.()
    await until('the producer to be ended', () => over)
  })

  it('carry a stream of data to the handler, at the handler’s pace', async () => {
    let taken = 0
    const gate = Promise.withResolvers<void>()
    await server.agent('adder', {
      handle: {
        sum: async ({ data }) => {
          let sum = 0
          for await (const each of data) {
            sum += each.length
            if (++taken === 3) await gate.promise
          }
          return sum
        },
        async *echo({ data }) {
          for await (const each of data) yield each * 2
        }
      }
    })
    let given = 0
    async function* source(): AsyncGenerator<Uint8Array> {
      for (; given < 500; given++) yield Buffer.alloc(10_000)
    }
    const sum = caller.request('adder', source(), { type: 'sum', timeout: 20_000 })
    await until('the third part', () => taken === 3)
    let before = -1
    await until('the source to stall', async () => {
      const now = given
      await caller.request('mute', 0, { type: 'other' })
      const stalled = now === before
      before = now
      return stalled
    })
    assert.ok(given < 300, `${given} parts were pulled for a handler that read 3`)
    gate.resolve()
    assert.equal((await sum).data, 500 * 10_000)
    async function* numbers(): AsyncGenerator<number> {
      for (let i = 0; i < 1_000; i++) yield i
    }
    const doubled = await collect(caller.stream('adder', numbers(), { type: 'echo' }))
    assert.deepEqual(
      doubled.map(({ data }) => data),
      Array.from({ length: 1_000 }, (_, i) => i * 2)
    )
  })

  it('tell the handler when the source of its data breaks', async () => {
    let told: MeshError | undefined
    await server.agent('listener', {
      handle: {
        listen: async ({ data }) => {
          try {
            for await (const _ of data);
          } catch (error) {
            told = error as MeshError
            throw error
          }
        }
      }
    })
    async function* broken(): AsyncGenerator<number> {
      yield 1
      throw new RangeError('out of numbers')
    }
    await assert.rejects(caller.request('listener', broken(), { type: 'listen' }), { message: 'out of numbers' })
    await until('the handler to be told', () => told !== undefined)
    assert.equal(told?.code, 'ERR_ABORTED')
  })
})
