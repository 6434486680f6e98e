import assert from 'node:assert/strict'
import type { Message } from '../../protocols/envelope/message.ts'
import type { Agent } from '../../src/agent/agent.ts'
import type { Context } from '../../src/agent/types.ts'
import { withMesh } from './ground.ts'

const traceOf = (message: Message): string => message.trace!.traceparent.split('-')[1]!
const spanOf = (message: Message): string => message.trace!.traceparent.split('-')[2]!

/** a on node 0 starts; b on node 1 passes it on in every way there is; c on node 2 hears it all. */
describe('the trace of a message', () => {
  const ways: Record<string, (b: Agent) => void> = {
    'a plain handler': (b) => void b.receive('go', (message) => void b.send('c', message.data)),
    'an async handler, after an await': (b) =>
      void b.receive('go', async (message) => {
        await Promise.resolve()
        await b.send('c', message.data)
      }),
    'an async handler that asks': (b) =>
      void b.receive('go', async (message) => {
        await Promise.resolve()
        await b.request('c', message.data, { type: 'ask' })
      }),
    'a handler of requests, after an await': (b) =>
      void b.handle('go', async (message) => {
        await Promise.resolve()
        await b.send('c', message.data)
      }),
    'a generator': (b) =>
      void b.handle('go', async function* (message) {
        yield 1
        await b.send('c', message.data)
        yield 2
      }),
    'a plain generator': (b) =>
      void b.handle('go', function* (message) {
        yield 1
        void b.send('c', message.data)
        yield 2
      }),
    'a promise of a generator': (b) =>
      void b.handle('go', async (message) => {
        await Promise.resolve()
        return (async function* () {
          yield 1
          await b.send('c', message.data)
        })()
      })
  }
  for (const [name, pass] of Object.entries(ways)) {
    for (const hosts of [
      [0, 1, 2],
      [0, 0, 0]
    ]) {
      it(`goes through ${name}, ${hosts[1] === 0 ? 'on one node' : 'across two hops'}`, async () => {
        await withMesh({ nodes: 3 }, async (mesh) => {
          const heard: Message[] = []
          const middle: Message[] = []
          const keep = (message: Message) => void heard.push(message)
          await mesh.run(mesh.nodes[hosts[2]!]!.agent('c', { receive: keep, handle: { ask: keep } }))
          const b = await mesh.run(mesh.nodes[hosts[1]!]!.agent('b'))
          const noting = Object.assign(Object.create(b) as Agent, {
            receive: (type: string, handler: (message: Message, ctx: Context) => unknown) =>
              b.receive(type, new Proxy(handler, { apply: noted })),
            handle: (type: string, handler: (message: Message, ctx: Context) => unknown) =>
              b.handle(type, new Proxy(handler, { apply: noted })),
            send: b.send.bind(b),
            request: b.request.bind(b)
          })
          function noted(target: (...parameters: unknown[]) => unknown, self: unknown, given: unknown[]): unknown {
            middle.push(given[0] as Message)
            return Reflect.apply(target, self, given)
          }
          pass(noting)
          const a = await mesh.run(mesh.nodes[hosts[0]!]!.agent('a'))
          for (let i = 0; i < 3; i++) {
            if (name.includes('generator')) {
              for await (const _ of run(mesh, a.stream('b', i, { type: 'go' }))) void _
            } else if (name.includes('requests')) {
              await mesh.run(a.request('b', i, { type: 'go' }))
            } else {
              await mesh.run(a.send('b', i, { type: 'go', delivery: 'at-least-once' }))
            }
            await mesh.advance(100)
          }
          assert.equal(heard.length, 3)
          assert.equal(new Set(heard.map(traceOf)).size, 3, 'one trace for each beginning')
          for (const [i, message] of heard.entries()) {
            assert.equal(traceOf(message), traceOf(middle[i]!))
            assert.notEqual(spanOf(message), spanOf(middle[i]!))
          }
        })
      })
    }
  }

  it('ends with its handler: what is sent afterwards begins one of its own', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const heard: Message[] = []
      await mesh.run(mesh.nodes[1]!.agent('c', { receive: (message) => void heard.push(message) }))
      const b = await mesh.run(mesh.nodes[0]!.agent('b', { receive: () => {} }))
      await mesh.run(b.send('b', 0, { delivery: 'at-least-once' }))
      await mesh.run(b.send('c', 1, { delivery: 'at-least-once' }))
      await mesh.run(b.send('c', 2, { delivery: 'at-least-once' }))
      assert.notEqual(traceOf(heard[0]!), traceOf(heard[1]!))
    })
  })
})

/** Lets time pass between the elements of a stream. */
async function* run<T>(mesh: { run<R>(promise: Promise<R>): Promise<R> }, items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]()
  for (;;) {
    const { done, value } = await mesh.run(iterator.next())
    if (done === true) return
    yield value
  }
}
