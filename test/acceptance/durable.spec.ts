import assert from 'node:assert/strict'
import {
  createNode,
  type MeshError,
  type Node,
  type NodeEvent,
  type Receipt,
  type SendOptions
} from '../../src/index.ts'
import { lives } from '../kit/lives.ts'
import { until } from '../kit/until.ts'

const DURABLE = { durable: true } as const
const ONCE = { delivery: 'exactly-once' } as const

/** What became of a promise that nobody awaits yet. */
function watched<T>(promise: Promise<T>): { value?: T; error?: MeshError } {
  const outcome: { value?: T; error?: MeshError } = {}
  promise.then(
    (value) => (outcome.value = value),
    (error: MeshError) => (outcome.error = error)
  )
  return outcome
}

describe('durable messages over loopback, with data folders', function () {
  this.timeout(60_000)
  const { life, end } = lives()

  async function letters(node: Node): Promise<{ id: string; code: string; data: unknown; attempts: number }[]> {
    const found = []
    for await (const { id, code, data, attempts } of node.deadLetters.list()) found.push({ id, code, data, attempts })
    return found
  }

  it('are stored before they are delivered, and the receipt has both', async () => {
    const a = await life('a')
    const sender = await a.agent('sender')
    const receipt = await sender.send('worker', { job: 1 }, DURABLE)
    assert.deepEqual([receipt.status, receipt.peer, receipt.route], ['stored', '', 'none'])
    const heard: unknown[] = []
    const other = await life('b', [a])
    await other.agent('worker', { receive: ({ data }) => void heard.push(data) })
    const { status, peer, id } = await receipt.settled
    assert.deepEqual([status, peer, id], ['delivered', other.peerId.toString(), receipt.id])
    assert.deepEqual(heard, [{ job: 1 }])
  })

  it('need a dataDir', async () => {
    await using node = await createNode()
    const sender = await node.agent('sender')
    await assert.rejects(sender.send('sender', 1, DURABLE), { code: 'ERR_NO_DATA_DIR' })
  })

  it('go on after a restart, in order for each key, and nobody has to be registered for that', async () => {
    const first = await life('a')
    const sender = await first.agent('sender')
    const receipts: Receipt[] = []
    for (let i = 0; i < 300; i++) receipts.push(await sender.send('worker', i, { ...DURABLE, key: `key-${i % 3}` }))
    const last = watched(receipts[299]!.settled)
    await end(first)
    await until('the end of the first life', () => last.error !== undefined)
    assert.equal(last.error?.code, 'ERR_STOPPED')

    const b = await life('b')
    const heard: number[] = []
    await b.agent('worker', { receive: ({ data }) => void heard.push(data) })
    await life('a', [b])
    await until('all of them', () => heard.length >= 300)
    for (const key of [0, 1, 2]) {
      const ofKey = heard.filter((i) => i % 3 === key)
      assert.deepEqual(
        ofKey,
        Array.from({ length: 100 }, (_, i) => 3 * i + key)
      )
    }
  })

  it('are not sent again once they were settled', async () => {
    const b = await life('b')
    const heard: unknown[] = []
    await b.agent('worker', { receive: ({ data }) => void heard.push(data) })
    const first = await life('a', [b])
    const sender = await first.agent('sender')
    const receipts = await Promise.all([1, 2, 3].map((i) => sender.send('worker', i, DURABLE)))
    await Promise.all(receipts.map(({ settled }) => settled))
    await end(first)
    const second = await life('a', [b])
    const again = await second.agent('sender')
    const receipt = await again.send('worker', 4, DURABLE)
    await receipt.settled
    assert.deepEqual(heard.sort(), [1, 2, 3, 4])
  })

  it('whose handler fails end as a letter, which outlives both and can be sent again', async () => {
    const b = await life('b')
    let broken = true
    const heard: unknown[] = []
    await b.agent('worker', {
      receive: ({ data }) => {
        if (broken) throw new Error('out of order')
        heard.push(data)
      }
    })
    const first = await life('a', [b])
    const events: NodeEvent[] = []
    void (async () => {
      for await (const event of first.events()) events.push(event)
    })()
    const sender = await first.agent('sender')
    const retry = { maxRetries: 2, retryStrategy: 'fixed' } as const
    const receipt = await sender.send('worker', 'x', { ...DURABLE, guarantee: retry })
    await assert.rejects(receipt.settled, { code: 'ERR_MAX_RETRIES', details: { attempts: 3 } })
    await until('the event', () => events.some(({ kind }) => kind === 'dead-letter'))
    const told = events.find(({ kind }) => kind === 'dead-letter')
    assert.deepEqual(
      { ...told, at: 0, message: '' },
      {
        ...{ at: 0, kind: 'dead-letter', id: receipt.id, agent: 'worker', code: 'ERR_MAX_RETRIES', message: '' },
        ...{ attempts: 3, kept: true }
      }
    )
    await end(first)

    const second = await life('a', [b])
    assert.deepEqual(await letters(second), [{ id: receipt.id, code: 'ERR_MAX_RETRIES', data: 'x', attempts: 3 }])
    broken = false
    const replayed = await second.deadLetters.replay(receipt.id)
    assert.equal((await replayed!.settled).status, 'delivered')
    assert.deepEqual(heard, ['x'])
    assert.deepEqual(await letters(second), [])
    await assert.rejects(second.deadLetters.replay(receipt.id), { code: 'ERR_NO_SUCH_LETTER' })
    await assert.rejects(second.deadLetters.drop(receipt.id), { code: 'ERR_NO_SUCH_LETTER' })
  })

  it('expire by the wall clock, also while nobody ran', async () => {
    const first = await life('a')
    const sender = await first.agent('sender')
    const receipt = await sender.send('worker', 'late', { ...DURABLE, ttl: 1 })
    await until('its letter', async () => (await letters(first)).length === 1)
    await assert.rejects(receipt.settled, { code: 'ERR_TTL' })
    await sender.send('worker', 'later', { ...DURABLE, ttl: 200 })
    await end(first)
    await new Promise((resolve) => setTimeout(resolve, 250))
    const second = await life('a')
    await until('two letters', async () => (await letters(second)).length === 2)
    assert.deepEqual(
      (await letters(second)).map(({ code, data }) => [code, data]),
      [
        ['ERR_TTL', 'late'],
        ['ERR_TTL', 'later']
      ]
    )
    for (const { id } of await letters(second)) await second.deadLetters.drop(id)
    await end(second)
    assert.deepEqual(await letters(await life('a')), [])
  })

  it('that exactly-once pinned to a host wait for that host', async () => {
    const a = await life('a')
    const first = await life('b', [a])
    const held = Promise.withResolvers<void>()
    await first.agent('worker', { receive: () => held.promise })
    const sender = await a.agent('sender')
    const receipt = await sender.send('worker', 'mine', { ...DURABLE, ...ONCE })
    assert.equal(receipt.peer, first.peerId.toString())
    const heardElsewhere: unknown[] = []
    const c = await life('c', [a])
    await c.agent('worker', { receive: ({ data }) => void heardElsewhere.push(data) })
    await end(first)
    await until('its host to be gone', () => a.agents('worker').every(({ peer }) => peer === c.peerId.toString()))
    assert.equal((await (await sender.send('worker', 'other', { ...DURABLE, ...ONCE })).settled).status, 'delivered')
    const heard: unknown[] = []
    const second = await life('b', [a, c])
    await second.agent('worker', { receive: ({ data }) => void heard.push(data) })
    assert.equal((await receipt.settled).peer, second.peerId.toString())
    assert.deepEqual([heard, heardElsewhere], [['mine'], ['other']])
    held.resolve()
  })

  it('that their senders named are the same message, before its end, after it, and after a restart', async () => {
    const b = await life('b')
    const heard: unknown[] = []
    await b.agent('worker', { receive: ({ data }) => void heard.push(data) })
    const first = await life('a', [b])
    const sender = await first.agent('sender')
    const named = { ...DURABLE, id: 'order-7' } as const
    const [one, two] = await Promise.all([
      sender.send('worker', { n: 7 }, named),
      sender.send('worker', { n: 7 }, named)
    ])
    assert.deepEqual([one.id, two.id], ['order-7', 'order-7'])
    assert.equal((await two.settled).status, 'delivered')
    assert.equal((await one.settled).status, 'delivered')
    const third = await sender.send('worker', { n: 7 }, named)
    assert.deepEqual([third.status, third.attempts, third.peer], ['duplicate', 1, b.peerId.toString()])
    const reused = { code: 'ERR_ID_REUSED', details: { id: 'order-7', agent: 'worker' } }
    await assert.rejects(sender.send('worker', { n: 8 }, named), reused)
    await assert.rejects(sender.send('worker', { n: 7 }, { ...named, type: 'order.other' }), reused)
    const other = await first.agent('other')
    assert.equal((await (await other.send('worker', { n: 8 }, named)).settled).status, 'delivered')
    await end(first)

    const second = await life('a', [b])
    const again = await second.agent('sender')
    assert.equal((await again.send('worker', { n: 7 }, named)).status, 'duplicate')
    await assert.rejects(again.send('worker', { n: 8 }, named), reused)
    assert.deepEqual(heard, [{ n: 7 }, { n: 8 }])
  })

  it('that their senders named are joined while they wait since a former life, and sent again as letters', async () => {
    const first = await life('a')
    const named = { ...DURABLE, id: 'order-8' } as const
    const sender = await first.agent('sender')
    await sender.send('worker', 8, named)
    await sender.send('worker', 9, { ...DURABLE, id: 'order-9', ttl: 1 })
    await until('a letter', async () => (await letters(first)).length === 1)
    await end(first)
    const second = await life('a')
    const again = await second.agent('sender')
    await assert.rejects(again.send('worker', 0, named), { code: 'ERR_ID_REUSED' })
    const joined = await again.send('worker', 8, named)
    assert.equal(joined.status, 'stored')
    await assert.rejects(again.send('worker', 0, { ...DURABLE, id: 'order-9' }), { code: 'ERR_ID_REUSED' })
    const replayed = await again.send('worker', 9, { ...DURABLE, id: 'order-9' })
    assert.deepEqual(await letters(second), [])
    const heard: unknown[] = []
    const b = await life('b', [second])
    await b.agent('worker', { receive: ({ data }) => void heard.push(data) })
    assert.equal((await joined.settled).status, 'delivered')
    assert.equal((await replayed.settled).status, 'delivered')
    assert.deepEqual(heard.sort(), [8, 9])
  })

  it('that their senders named are joined for what each asked: that it is stored, or that it has ended', async () => {
    const a = await life('a')
    const sender = await a.agent('sender')
    const named = { id: 'order-1' }
    const first = await sender.send('worker', 1, { ...DURABLE, ...named })
    const second = await sender.send('worker', 1, { ...DURABLE, ...named })
    const end = watched(sender.send('worker', 1, named))
    assert.deepEqual([first.status, second.status, end.value], ['stored', 'stored', undefined])
    await a.agent('worker', { receive: () => {} })
    await until('the end', () => end.value !== undefined)
    assert.equal(end.value!.status, 'delivered')
  })

  it('hear of the stop of their node, whoever has them', async () => {
    const a = await life('a')
    const sender = await a.agent('sender')
    let handling = 0
    await a.agent('abyss', {
      receive: () => {
        handling++
        return new Promise(() => {})
      }
    })
    const receipts = [await sender.send('abyss', 1, DURABLE), await sender.send('nobody', 1, DURABLE)]
    await until('the handler', () => handling === 1)
    const ends = receipts.map(({ settled }) => watched(settled))
    await end(a)
    await until('the ends', () => ends.every(({ error }) => error?.code === 'ERR_STOPPED'))
  })

  it('that are letters in memory stay so, where nobody is there when they are sent again', async () => {
    await using node = await createNode()
    const sender = await node.agent('sender')
    const worker = await node.agent('worker', { receive: () => new Promise(() => {}) })
    void sender.send('worker', 1, { key: 'k' }).catch(() => {})
    await assert.rejects(sender.send('worker', 2, { key: 'k', ttl: 50 }), { code: 'ERR_TTL' })
    await worker.close()
    const [letter] = await letters(node)
    assert.deepEqual([letter?.data, letter?.attempts], [2, 0])
    await assert.rejects(node.deadLetters.replay(letter!.id), { code: 'ERR_NO_RESPONDERS' })
    assert.ok((await letters(node)).some(({ data }) => data === 2))
  })

  it('to all members with a key are in order at each, and none waits for another', async () => {
    const a = await life('a')
    await a.agent('worker', { receive: () => new Promise(() => {}) })
    const heard: number[] = []
    await a.agent('worker', { receive: ({ data }) => void heard.push(data) })
    const sender = await a.agent('sender')
    for (const data of [1, 2, 3]) await sender.send('worker', data, { ...DURABLE, to: 'all', key: 'k' })
    await until('the other to have them', () => heard.length === 3)
    assert.deepEqual(heard, [1, 2, 3])
  })

  it('are letters that say what the last attempt failed of', async () => {
    const a = await life('a')
    await a.agent('worker', {
      receive: () => {
        throw new Error('no such job')
      }
    })
    const sender = await a.agent('sender')
    const receipt = await sender.send('worker', 1, { ...DURABLE, maxRetries: 0 })
    await assert.rejects(receipt.settled, { code: 'ERR_MAX_RETRIES' })
    for await (const { reason } of a.deadLetters.list())
      assert.match(reason, /1 attempts failed, the last: no such job$/)
  })

  it('arrive in the order of sending, whether they waited in memory or on disk', async () => {
    const a = await life('a')
    const b = await life('b', [a])
    const heard: number[] = []
    await b.agent('worker', { receive: ({ data }) => void heard.push(data) })
    const sender = await a.agent('sender')
    await sender.send('worker', 0)
    const all = Array.from({ length: 5_000 }, (_, i) => i)
    const receipts = await Promise.all(all.slice(1).map((i) => sender.send('worker', i, DURABLE)))
    await Promise.all(receipts.map(({ settled }) => settled))
    assert.deepEqual(heard, all)
  })

  it('refuse options that are unknown, malformed or contradict each other, naming the key', async () => {
    const node = await life('a')
    const sender = await node.agent('sender')
    const wrong: [object, string][] = [
      [{ tll: 5 }, 'tll'],
      [{ durable: 1 }, 'durable'],
      [{ delivery: 'twice' }, 'delivery'],
      [{ maxRetries: -1 }, 'maxRetries'],
      [{ retryStrategy: 'never' }, 'retryStrategy'],
      [{ guarantee: { timeout: 0 } }, 'guarantee.timeout'],
      [{ guarantee: { retries: 1 } }, 'guarantee.retries'],
      [{ guarantee: { maxRetries: 0.5 } }, 'guarantee.maxRetries'],
      [{ guarantee: null }, 'guarantee'],
      [{ duplicateDetection: 'yes' }, 'duplicateDetection'],
      [{ delivery: 'at-most-once', durable: true }, 'durable'],
      [{ delivery: 'at-most-once', acknowledgmentRequired: true }, 'acknowledgmentRequired'],
      [{ delivery: 'exactly-once', guarantee: { acknowledgmentRequired: false } }, 'guarantee.acknowledgmentRequired'],
      [{ duplicateDetection: true, acknowledgmentRequired: false }, 'acknowledgmentRequired']
    ]
    for (const [options, key] of wrong) {
      await assert.rejects(
        sender.send('sender', 1, options as SendOptions),
        { code: 'ERR_CONFIG', details: { key } },
        key
      )
    }
  })
})
