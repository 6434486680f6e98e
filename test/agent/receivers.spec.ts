import assert from 'node:assert/strict'
import type { Context } from '../../src/agent/types.ts'
import { numbers } from '../kit/numbers.ts'
import { eventsOf, fateOf, type Gate, gate, withMesh } from './ground.ts'

const ACKNOWLEDGED = { delivery: 'at-least-once' } as const
const ONCE = { delivery: 'at-most-once' } as const

/** The receiver lives on node 0; its sender there too, or on node 1. */
for (const [where, sender] of [
  ['on the same node', 0],
  ['on another node', 1]
] as const) {
  describe(`a receiver whose sender is ${where}`, () => {
    it('handles one message after the other, in order', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const handled: number[] = []
        let running = 0
        await mesh.run(
          mesh.nodes[0]!.agent('worker', {
            receive: async ({ data }) => {
              assert.equal(++running, 1)
              await Promise.resolve()
              handled.push(data)
              running--
            }
          })
        )
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        await mesh.run(Promise.all(numbers(300).map((i) => agent.send('worker', i, i % 2 === 0 ? ONCE : ACKNOWLEDGED))))
        await mesh.advance(100)
        assert.deepEqual(handled, numbers(300))
      })
    })

    it('is given all that wants an acknowledgement, however much of it comes at once', async () => {
      const limits = { mailbox: { messages: 4, highWatermark: 2, lowWatermark: 1 } }
      await withMesh({ nodes: [{ limits }, { limits }] }, async (mesh) => {
        const handled: number[] = []
        const receive = async ({ data }: { data: number }) => {
          await Promise.resolve()
          handled.push(data)
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        await mesh.run(Promise.all(numbers(200).map((i) => agent.send('worker', i, ACKNOWLEDGED))))
        assert.deepEqual(handled, numbers(200))
      })
    })

    it('is given a message again whose handler threw, whatever code it threw', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const attempts: number[] = []
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        worker.receive(async (_, { attempt }) => {
          attempts.push(attempt)
          if (attempt === 1) await worker.request('worker', 0, { type: 'which nobody handles' })
        })
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const { status } = await mesh.run(agent.send('worker', 0, ACKNOWLEDGED))
        assert.deepEqual([status, attempts], ['delivered', [1, 2]])
      })
    })

    it('handles several at once where asked to, but never two with one key', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        const gates = new Map<number, Gate>()
        const began: number[] = []
        worker.receive(
          'job',
          async ({ data }) => {
            began.push(data)
            const own = gate()
            gates.set(data, own)
            await own.passed
          },
          { concurrency: 3 }
        )
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const key = (i: number): string | undefined => (i < 4 ? 'same' : undefined)
        const sends = numbers(6).map((i) => agent.send('worker', i, { ...ACKNOWLEDGED, type: 'job', key: key(i) }))
        await mesh.advance(100)
        assert.deepEqual(began, [0, 4, 5])
        for (const i of [0, 1, 2, 3]) {
          gates.get(i)!.open()
          await mesh.advance(10)
        }
        assert.deepEqual(began, [0, 4, 5, 1, 2, 3])
        gates.get(4)!.open()
        gates.get(5)!.open()
        await mesh.run(Promise.all(sends))
      })
    })

    it('asks for what its handler threw at again, and gives up what never succeeds', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const attempts: number[] = []
        const receive = (_: unknown, { attempt }: Context) => {
          attempts.push(attempt)
          throw Object.assign(new RangeError('never'), { code: 'E_OWN' })
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const error = await mesh.run(agent.send('worker', 1, { ...ACKNOWLEDGED, maxRetries: 2 })).catch((e) => e)
        assert.equal(error.code, 'ERR_MAX_RETRIES')
        assert.equal(error.retryable, true)
        assert.deepEqual([error.cause.name, error.cause.code, error.cause.message], ['RangeError', 'E_OWN', 'never'])
        assert.deepEqual(attempts, [1, 2, 3])
      })
    })

    it('obeys the handler’s word: ack, nak, term and working', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const log: string[] = []
        const never = new Promise(() => {})
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        worker
          .receive('ack', (_, ctx) => {
            ctx.ack()
            throw new Error('too late to matter')
          })
          .receive('nak', (_, ctx) => {
            log.push(`nak ${ctx.attempt} at ${Math.round(mesh.now)}`)
            if (ctx.attempt === 1) ctx.nak(3_000)
          })
          .receive('term', (_, ctx) => ctx.term('no use'))
          .receive('working', async (_, ctx) => {
            const clock = setWork(ctx)
            await clock
          })
          .receive('stuck', () => never)
        let beat: Gate = gate()
        async function setWork(ctx: Context): Promise<void> {
          for (let i = 0; i < 4; i++) {
            await beat.passed
            ctx.working()
          }
          log.push('worked')
        }
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const send = (type: string) => agent.send('worker', 0, { ...ACKNOWLEDGED, type, maxRetries: 1 })
        assert.equal((await mesh.run(send('ack'))).status, 'delivered')
        const before = mesh.now
        assert.equal((await mesh.run(send('nak'))).attempts, 2)
        assert.ok(mesh.now - before >= 3_000)
        await assert.rejects(mesh.run(send('term')), { code: 'ERR_TERMINATED', message: 'no use' })
        const working = fateOf(send('working'))
        for (let i = 0; i < 4; i++) {
          await mesh.advance(4_000)
          const last = beat
          beat = gate()
          last.open()
        }
        await mesh.advance(100)
        assert.equal(working.status, 'fulfilled', '16 s of work with a timeout of 5 s')
        await assert.rejects(mesh.run(send('stuck')), { code: 'ERR_MAX_RETRIES' })
        assert.equal((await mesh.run(send('ack'))).status, 'delivered', 'a stuck handler holds up no other')
      })
    })

    it('is not given again what it works at or what waits behind that, however impatient its sender is', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const attempts: number[] = []
        const receive = async (_: unknown, ctx: Context) => {
          attempts.push(ctx.attempt)
          for (let i = 0; i < 16; i++) {
            await mesh.sleep(100)
            ctx.working()
          }
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const impatient = { ...ACKNOWLEDGED, guarantee: { timeout: 300 } }
        const receipts = await mesh.run(Promise.all(numbers(3).map((i) => agent.send('worker', i, impatient))))
        assert.deepEqual(attempts, [1, 1, 1])
        assert.deepEqual(
          receipts.map((receipt) => receipt.attempts),
          [1, 1, 1]
        )
      })
    })

    it('times out a handler that never returns, tells it, and ignores what it says later', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const held = gate()
        const contexts: Context[] = []
        const signals: AbortSignal[] = []
        const receive = async (_: unknown, ctx: Context) => {
          contexts.push(ctx)
          signals.push(ctx.signal)
          if (contexts.length === 1) await held.passed
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const receipt = await mesh.run(agent.send('worker', 1, ACKNOWLEDGED))
        assert.equal(receipt.attempts, 2)
        assert.deepEqual(
          signals.map(({ aborted }) => aborted),
          [true, false]
        )
        held.open()
        contexts[0]!.ack()
        contexts[0]!.nak()
        contexts[0]!.working()
        await mesh.advance(30_000)
        assert.equal(contexts.length, 2)
      })
    })

    it('stops its senders at the high watermark and lets them go on at the low one, in bounded memory', async () => {
      const mailbox = { messages: 100, highWatermark: 40, lowWatermark: 10 }
      const nodes = [{ limits: { mailbox, atMostOnceTimeout: 500 } }, { limits: { mailbox, atMostOnceTimeout: 500 } }]
      await withMesh({ nodes }, async (mesh) => {
        const events = eventsOf(mesh, 0)
        let held = gate()
        const handled: number[] = []
        const receive = async ({ data }: { data: number }) => {
          await held.passed
          handled.push(data)
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        for (let i = 0; i < 41; i++) await mesh.run(agent.send('worker', i, ONCE))
        await mesh.advance(50)
        await assert.rejects(mesh.run(agent.send('worker', 'waits', ONCE)), {
          code: 'ERR_BACKPRESSURE',
          retryable: true
        })
        const waiting = fateOf(agent.send('worker', 41, { ...ONCE, timeout: 60_000 }))
        await mesh.advance(1_000)
        assert.equal(waiting.status, 'pending')
        held.open()
        await mesh.advance(100)
        held = gate()
        assert.equal(waiting.status, 'fulfilled')
        assert.deepEqual(handled, numbers(42))
        assert.equal(events.filter(({ kind }) => kind === 'slow-consumer').length, 1)
      })
    })

    it('stops the senders of the type whose queue is full, and of no other', async () => {
      const mailbox = { messages: 100, highWatermark: 40, lowWatermark: 10 }
      const nodes = [{ limits: { mailbox, atMostOnceTimeout: 500 } }, { limits: { mailbox, atMostOnceTimeout: 500 } }]
      await withMesh({ nodes }, async (mesh) => {
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        const gates = new Map(['a', 'b', 'rest'].map((type) => [type, gate()]))
        const handled = new Map<string, number>()
        const count = (type: string) => handled.set(type, (handled.get(type) ?? 0) + 1)
        for (const type of ['a', 'b']) worker.receive(type, () => gates.get(type)!.passed.then(() => count(type)))
        worker.receive(({ type }) => gates.get('rest')!.passed.then(() => count(type)))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const send = (type: string, options: { priority?: 'high' } = {}) =>
          mesh.run(agent.send('worker', 0, { ...ONCE, type, ...options }))
        const fill = async (count: number, ...types: string[]): Promise<void> => {
          for (let i = 0; i < count; i++) for (const type of types) await send(type)
          await mesh.advance(50)
        }
        await fill(41, 'a')
        await assert.rejects(send('a'), { code: 'ERR_BACKPRESSURE' })
        await assert.rejects(send('a', { priority: 'high' }), { code: 'ERR_BACKPRESSURE' }, 'on another lane too')
        await fill(41, 'b')
        await assert.rejects(send('b'), { code: 'ERR_BACKPRESSURE' })
        gates.get('b')!.open()
        await mesh.advance(50)
        assert.equal(handled.get('b'), 41)
        await send('b')
        await assert.rejects(send('a'), { code: 'ERR_BACKPRESSURE' }, 'the other queue still waits')
        await fill(21, 'c', 'd')
        for (const type of ['c', 'd']) await assert.rejects(send(type), { code: 'ERR_BACKPRESSURE' })
        for (const { open } of gates.values()) open()
        await mesh.advance(50)
        for (const type of ['a', 'c', 'd']) await send(type)
        await mesh.advance(50)
        assert.deepEqual(Object.fromEntries(handled), { a: 42, b: 42, c: 22, d: 22 })
      })
    })

    it('handles nothing that has outlived its time, and its sender hears no later than then', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const held = gate()
        const handled: unknown[] = []
        const receive = async ({ data }: { data: unknown }, ctx: Context) => {
          handled.push(data)
          for (let i = 0; i < 20; i++) ctx.working()
          await held.passed
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const first = fateOf(agent.send('worker', 'first', ACKNOWLEDGED))
        await mesh.advance(50)
        const second = fateOf(agent.send('worker', 'second', { ...ACKNOWLEDGED, ttl: 1_000 }))
        const third = fateOf(agent.send('worker', 'third', { ...ONCE, ttl: 1_000 }))
        await mesh.advance(1_100)
        assert.deepEqual([second.status, second.code], ['rejected', 'ERR_TTL'])
        held.open()
        await mesh.advance(100)
        assert.deepEqual([first.status, third.status], ['fulfilled', 'fulfilled'])
        assert.deepEqual(handled, ['first'])
      })
    })

    it('bounds its caller’s wait by timeout and signal, and nothing else', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const held = gate()
        const handled: unknown[] = []
        const receive = async ({ data }: { data: unknown }) => {
          await held.passed
          handled.push(data)
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const stop = new AbortController()
        const late = fateOf(agent.send('worker', 1, { ...ACKNOWLEDGED, timeout: 500 }))
        const aborted = fateOf(agent.send('worker', 2, { ...ACKNOWLEDGED, signal: stop.signal }))
        await mesh.advance(600)
        stop.abort()
        await mesh.advance(10)
        assert.deepEqual([late.code, aborted.code], ['ERR_TIMEOUT', 'ERR_ABORTED'])
        held.open()
        await mesh.advance(100)
        assert.deepEqual(handled, [1, 2])
        await assert.rejects(mesh.run(agent.send('worker', 3, { ...ONCE, signal: stop.signal })), {
          code: 'ERR_ABORTED'
        })
      })
    })
  })
}
