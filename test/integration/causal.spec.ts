import assert from 'node:assert/strict'
import { createNode, type Message, type Ordering } from '../../src/index.ts'
import { slowWay } from '../kit/slow-way.ts'

const LISTEN = ['/ip4/127.0.0.1/tcp/0']
/** ms that each byte takes longer from a to c and back. */
const SLOW = 100

/** Three hosts; between a and c all is slow. */
async function triangle() {
  const stack = new AsyncDisposableStack()
  const c = stack.use(await createNode({ name: 'c', listen: LISTEN }))
  const way = stack.use(await slowWay(Number(String(c.multiaddrs[0]).split('/')[4]), SLOW))
  const slow = `/ip4/127.0.0.1/tcp/${way.port}/p2p/${c.peerId}`
  const a = stack.use(await createNode({ name: 'a', listen: LISTEN, bootstrap: [slow] }))
  await a.ready({ peers: 1 })
  const b = stack.use(
    await createNode({ name: 'b', listen: LISTEN, bootstrap: [a, c].map((n) => String(n.multiaddrs[0])) })
  )
  await Promise.all([a, b, c].map((node) => node.ready({ peers: 2 })))
  return { a, b, c, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

describe('causal order over libp2p', function () {
  this.timeout(60_000)

  for (const delivery of ['at-most-once', 'at-least-once'] as const) {
    const run = async (ordering: Ordering) => {
      await using hosts = await triangle()
      const { a, b, c } = hosts
      const options = { delivery, ordering }
      const came: Message[] = []
      const both = Promise.withResolvers<void>()
      await c.agent('last', {
        receive: (message) => {
          came.push(message)
          if (came.length === 2) both.resolve()
        }
      })
      const middle = await b.agent('middle')
      middle.receive((message) => void middle.send('last', `after ${message.data}`, options))
      const first = await a.agent('first')
      const sent = [first.send('last', 'm1', options), first.send('middle', 'm1', options)]
      await both.promise
      await Promise.all(sent)
      return {
        data: came.map(({ data }) => data),
        waited: came.map(({ causality }) => causality),
        first: String(a.peerId)
      }
    }

    it(`what follows from a message comes after it, although that takes longer: ${delivery}`, async () => {
      const { data, waited, first } = await run('causal')
      assert.deepEqual(data, ['m1', 'after m1'])
      assert.deepEqual(waited, [undefined, { dependencies: { [first]: 1 } }])
    })

    it(`and without that order before it: ${delivery}`, async () => {
      assert.deepEqual((await run('none')).data, ['after m1', 'm1'])
    })
  }

  it('a node that stops hands out first what waits for its turn', async () => {
    await using hosts = await triangle()
    const { a, b, c } = hosts
    const came: unknown[] = []
    await c.agent('last', { receive: ({ data }) => void came.push(data), handle: { here: () => true } })
    const middle = await b.agent('middle')
    const relayed = Promise.withResolvers<void>()
    const once = { delivery: 'at-most-once' } as const
    middle.receive(({ data }) => middle.send('last', `after ${data}`, once).then(() => relayed.resolve()))
    const first = await a.agent('first')
    const sent = [first.send('last', 'm1'), first.send('middle', 'm1')]
    await relayed.promise
    // On the same stream, and in no such order: once it is answered the message before it is there and waits.
    await middle.request('last', undefined, { type: 'here' })
    assert.deepEqual(came, [])
    await c.stop()
    assert.deepEqual(came, ['m1', 'after m1'])
    await Promise.allSettled(sent)
  })

  it('across publications and messages', async () => {
    await using hosts = await triangle()
    const { a, b, c } = hosts
    const last = await c.agent('last')
    const topic = last.subscribe('news')
    const middle = await b.agent('middle')
    const assured = middle.subscribe('news', { delivery: 'at-least-once' })
    await Promise.all([topic.ready, assured.ready])
    const received = Promise.withResolvers<number>()
    last.receive(() => received.resolve(topic.stats().received))
    const first = await a.agent('first')
    await first.publish('news', 'm1', { type: 'phoenix.agent.event.publish' })
    for await (const _ of assured) break
    await middle.send('last', 'after m1')
    assert.equal(await received.promise, 1)
  })
})
