import assert from 'node:assert/strict'
import type { Message } from '../../protocols/envelope/message.ts'
import type { Node } from '../../src/node/node.ts'
import { type Ground, meshes } from './meshes.ts'

async function collect<T>(items: AsyncIterable<{ data: T }>): Promise<T[]> {
  const found: T[] = []
  for await (const { data } of items) found.push(data)
  return found
}

const sizeOf = ({ data }: Message): number => (data as { size: number }).size

for (const [name, lay] of Object.entries(meshes)) {
  describe(`the patterns on ${name}`, () => {
    let ground: Ground
    let a: Node
    let b: Node
    let c: Node

    before(async () => {
      ground = await lay(3)
      ;[a, b, c] = ground.nodes as [Node, Node, Node]
    })
    after(() => ground.stop())

    const agent = (node: Node, name: string, handlers = {}) => ground.run(node.agent(name, handlers))

    it('answers a request, and carries a handler’s own error with its code', async () => {
      await agent(b, 'calculator', {
        handle: {
          add: ({ data }: { data: number[] }) => data.reduce((sum, n) => sum + n, 0),
          fail: () => {
            throw Object.assign(new RangeError('too large'), { code: 'E_OWN' })
          }
        }
      })
      const caller = await agent(a, 'calculator-caller')
      assert.equal((await ground.run(caller.request('calculator', [1, 2, 3], { type: 'add' }))).data, 6)
      await assert.rejects(ground.run(caller.request('calculator', 0, { type: 'fail' })), {
        name: 'RangeError',
        code: 'E_OWN',
        message: 'too large'
      })
      await assert.rejects(ground.run(caller.request('calculator', 0, { type: 'unknown' })), { code: 'ERR_NO_HANDLER' })
      await assert.rejects(ground.run(caller.request('nobody', 0)), { code: 'ERR_NO_RESPONDERS', retryable: true })
    })

    it('streams replies in order, and stops the handler when the caller leaves', async () => {
      let stopped = false
      await agent(b, 'counter', {
        handle: {
          async *count({ data }: { data: number }) {
            try {
              for (let i = 0; i < data; i++) yield i
            } finally {
              stopped = true
            }
          }
        }
      })
      const caller = await agent(c, 'counter-caller')
      const all = await ground.run(collect(caller.stream('counter', 100, { type: 'count' })))
      assert.deepEqual(
        all,
        Array.from({ length: 100 }, (_, i) => i)
      )
      stopped = false
      const some = (async () => {
        for await (const { data } of caller.stream('counter', 1e9, { type: 'count' })) if (data === 5) return data
        return undefined
      })()
      assert.equal(await ground.run(some), 5)
      await ground.until(() => stopped)
    })

    it('shares a group’s messages, acknowledges them, and retries what a handler threw at', async () => {
      const handled: string[] = []
      let failures = 2
      const receive = (who: string) => (message: { data: number }) => {
        if (message.data === 7 && failures-- > 0) throw new Error('not yet')
        handled.push(`${who} ${message.data}`)
      }
      await agent(b, 'member', { receive: receive('b') })
      await agent(c, 'member', { receive: receive('c') })
      const sender = await agent(a, 'member-sender')
      const sends = Array.from({ length: 40 }, (_, i) => sender.send('member', i, { delivery: 'at-least-once' }))
      const receipts = await ground.run(Promise.all(sends))
      assert.ok(receipts.every(({ status }) => status === 'delivered'))
      assert.equal(receipts[7]!.attempts, 3)
      const numbers = handled.map((entry) => Number(entry.split(' ')[1])).sort((x, y) => x - y)
      assert.deepEqual(
        numbers,
        Array.from({ length: 40 }, (_, i) => i)
      )
      assert.equal(new Set(handled.map((entry) => entry[0])).size, 2)
      const everyone = await ground.run(sender.send('member', 100, { to: 'all', delivery: 'at-least-once' }))
      assert.deepEqual(handled.slice(-2).sort(), ['b 100', 'c 100'])
      assert.equal(everyone.length, 2)
    })

    it('publishes to matching subscriptions and says whom it reached', async () => {
      const listener = await agent(b, 'listener')
      const subscription = listener.subscribe('alerts.*.high', { filter: (message) => sizeOf(message) > 10 })
      const heard: number[] = []
      void (async () => {
        for await (const message of subscription) heard.push(sizeOf(message))
      })()
      await ground.run(subscription.ready)
      const publisher = await agent(c, 'publisher')
      const waitFor = { waitFor: { subscribers: 1 }, timeout: 5_000 }
      for (const size of [5, 50]) await ground.run(publisher.publish('alerts.eu.high', { size }, waitFor))
      await ground.run(publisher.publish('alerts.eu.low', { size: 99 }))
      await ground.until(() => heard.length > 0)
      await ground.run(publisher.publish('alerts.us.high', { size: 60 }, waitFor))
      await ground.until(() => heard.length > 1)
      assert.deepEqual(heard, [50, 60])
    })

    it('hands out at least once, again where a loop was left, and slows the publisher of a slow one', async () => {
      const listener = await agent(b, 'careful')
      const few = { highWatermark: 10, lowWatermark: 2 }
      const subscription = listener.subscribe('audit.>', { delivery: 'at-least-once', ...few })
      await ground.run(subscription.ready)
      const publisher = await agent(c, 'auditor')
      const filler = 'x'.repeat(2 ** 16)
      let handed = 0
      const all = Array.from({ length: 60 }, (_, i) =>
        publisher.publish('audit.log', { i, filler }).then(() => handed++)
      )
      await ground.until(() => subscription.stats().queued >= 10)
      const heard: number[] = []
      const read = async (until: number) => {
        for await (const { data } of subscription) {
          const { i } = data as { i: number }
          heard.push(i)
          if (i === until) throw new Error('left')
        }
      }
      await assert.rejects(ground.run(read(3)), /left/)
      assert.ok(handed < 60, `${handed} were handed over while nobody read`)
      void read(-1)
      await ground.run(Promise.all(all))
      await ground.until(() => heard.length >= 61)
      assert.deepEqual(heard, [0, 1, 2, 3, ...Array.from({ length: 57 }, (_, i) => i + 3)])
      assert.equal(subscription.stats().dropped, 0)
      await subscription.close()
    })

    it('runs a pipeline across hosts and keeps the order', async () => {
      await agent(b, 'doubler', { handle: { double: ({ data }: { data: number }) => data * 2 } })
      await agent(c, 'namer', { handle: { name: ({ data }: { data: number }) => `item ${data}` } })
      const stages = [
        { name: 'double', agent: 'doubler', concurrency: 4 },
        { name: 'name', agent: 'namer' }
      ]
      const pipeline = await ground.run(a.pipeline('names', { stages }))
      const items = Array.from({ length: 50 }, (_, i) => i)
      const results: unknown[] = []
      await ground.run(
        (async () => {
          for await (const result of pipeline.process(items)) results.push(result)
        })()
      )
      assert.deepEqual(
        results,
        items.map((i) => `item ${i * 2}`)
      )
    })
  })
}
