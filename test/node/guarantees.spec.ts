import assert from 'node:assert/strict'
import type { Letter } from '../../src/index.ts'
import { createMesh, type Mesh } from '../../src/testing/index.ts'
import { eventsOf, withMesh } from '../agent/ground.ts'

const ONCE = { delivery: 'exactly-once' } as const
/** A code of the application's own, so that no circuit opens. */
const NOT_NOW = Object.assign(new Error('not now'), { code: 'NOT_NOW' })
const QUICK = { maxRetries: 1, retryStrategy: 'fixed' } as const

async function lettersOf(mesh: Mesh, i: number, agent?: string): Promise<Letter[]> {
  const letters: Letter[] = []
  for await (const letter of mesh.nodes[i]!.deadLetters.list({ agent })) letters.push(letter)
  return letters
}

describe('dead letters of a node without a data folder', () => {
  it('hold what at-least-once gave up after it was accepted, and can be sent again or dropped', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      let broken = true
      const heard: unknown[] = []
      const receive = ({ data }: { data: unknown }): void => {
        if (broken) throw NOT_NOW
        heard.push(data)
      }
      await mesh.nodes[1]!.agent('worker', { receive })
      const sender = await mesh.nodes[0]!.agent('sender')
      const events = eventsOf(mesh, 0)
      for (const data of ['a', 'b']) {
        await assert.rejects(sender.send('worker', data, { ...QUICK, ttl: 60_000 }), { code: 'ERR_MAX_RETRIES' })
      }
      await assert.rejects(sender.send('nobody', 'c'), { code: 'ERR_NO_RESPONDERS' })
      const [first, second, ...more] = await lettersOf(mesh, 0)
      assert.deepEqual(more, [])
      const { agent, type, source, data, code, reason, attempts, pipeline, id, message } = first!
      assert.deepEqual(
        [agent, type, data, code, attempts, pipeline],
        ['worker', 'phoenix.agent.message.send', 'a', 'ERR_MAX_RETRIES', 2, undefined]
      )
      assert.match(source, /sender$/)
      assert.match(reason, /2 attempts/)
      assert.equal(message.id, id)
      assert.deepEqual(
        events.flatMap((event) => (event.kind === 'dead-letter' ? [event.id] : [])),
        [first!.id, second!.id]
      )
      assert.deepEqual(await lettersOf(mesh, 0, 'other'), [])

      await assert.rejects(mesh.nodes[0]!.deadLetters.replay(id), { code: 'ERR_MAX_RETRIES' })
      const [, again] = await lettersOf(mesh, 0)
      assert.deepEqual([again!.id, again!.attempts], [id, 4], 'a letter again, behind the other')
      broken = false
      assert.equal((await mesh.nodes[0]!.deadLetters.replay(id))?.status, 'delivered')
      await mesh.nodes[0]!.deadLetters.drop(second!.id)
      assert.deepEqual(await lettersOf(mesh, 0), [])
      assert.deepEqual(heard, ['a'])
    })
  })

  it('are as many as the limit says: the oldest makes room, and an event says so', async () => {
    await withMesh({ nodes: [{ limits: { deadLetters: 2 } }] }, async (mesh) => {
      const events = eventsOf(mesh, 0)
      const worker = await mesh.nodes[0]!.agent('worker', { receive: (_, ctx) => ctx.term('no') })
      for (const data of [1, 2, 3]) await assert.rejects(worker.send('worker', data), { code: 'ERR_TERMINATED' })
      const letters = await lettersOf(mesh, 0)
      assert.deepEqual(
        letters.map(({ data }) => data),
        [2, 3]
      )
      assert.equal(events.filter(({ kind }) => kind === 'dead-letter-dropped').length, 1)
    })
  })

  it('hold the items that a stage could not process, and feed them again', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      let broken = true
      await mesh.nodes[1]!.agent('adder', {
        handle: {
          add: ({ data }) => {
            if (broken) throw Object.assign(new Error('no'), { code: 'ERR_ADDER' })
            return data + 1
          }
        }
      })
      const stages = [{ name: 'add', agent: 'adder', onError: 'dead-letter' as const }]
      const pipeline = await mesh.nodes[0]!.pipeline('sums', { stages })
      await assert.rejects(pipeline.send(41), { code: 'ERR_PIPELINE' })
      const [letter] = await lettersOf(mesh, 0, 'adder')
      assert.deepEqual(
        [letter!.data, letter!.code, letter!.pipeline],
        [41, 'ERR_ADDER', { id: 'sums', stage: 'add', sequence: 0 }]
      )
      await assert.rejects(mesh.nodes[0]!.deadLetters.replay(letter!.id), { code: 'ERR_PIPELINE' })
      const [again, ...more] = await lettersOf(mesh, 0)
      assert.deepEqual([again!.data, again!.pipeline?.sequence, more], [41, 1, []])
      broken = false
      assert.equal(await mesh.nodes[0]!.deadLetters.replay(again!.id), undefined)
      assert.deepEqual(await lettersOf(mesh, 0), [])
    })
  })
})

describe('guarantees in memory', () => {
  it('exactly-once, asked for or implied by a type, and duplicateDetection: a second copy is not handled', async () => {
    for (const options of [ONCE, { type: 'phoenix.cluster.node.join' }, { duplicateDetection: true }]) {
      await using mesh = await createMesh({ nodes: 2, latency: [1, 1] })
      let handled = 0
      await mesh.nodes[1]!.agent('worker', {
        receive: () => {
          handled++
          // The acknowledgement does not get through, and the connection is reset.
          mesh.partition([0], [1])
        }
      })
      const sender = await mesh.nodes[0]!.agent('sender')
      const sent = sender.send('worker', 1, { ...options, maxRetries: 50 })
      await mesh.advance(5_000)
      assert.equal(handled, 1)
      mesh.heal()
      const { status, attempts } = await sent
      assert.equal(status, 'duplicate')
      assert(attempts > 1)
      assert.equal(handled, 1)
    }
  })

  it('exactly-once between agents of one node', async () => {
    await withMesh({ nodes: 1 }, async (mesh) => {
      const heard: unknown[] = []
      const worker = await mesh.nodes[0]!.agent('worker', { receive: ({ data }) => void heard.push(data) })
      const receipts = await Promise.all([1, 2, 3].map((n) => worker.send('worker', n, ONCE)))
      assert.deepEqual(
        receipts.map(({ status, transport }) => [status, transport]),
        Array(3).fill(['delivered', 'local'])
      )
      assert.deepEqual(heard, [1, 2, 3])
    })
  })

  it('acknowledgmentRequired: false ends when a link has taken it, whatever the handler does', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const heard: unknown[] = []
      await mesh.nodes[1]!.agent('worker', {
        receive: ({ data }) => {
          heard.push(data)
          throw new Error('nobody hears this')
        }
      })
      const sender = await mesh.nodes[0]!.agent('sender')
      const receipt = await sender.send('worker', 1, { acknowledgmentRequired: false })
      assert.deepEqual([receipt.status, receipt.attempts], ['sent', 1])
      await mesh.advance(100)
      assert.deepEqual(heard, [1])
      mesh.partition([0], [1])
      await mesh.advance(1)
      const cut = sender.send('worker', 2, {
        acknowledgmentRequired: false,
        type: 'another',
        priority: 'high',
        maxRetries: 50
      })
      await mesh.advance(3_000)
      mesh.heal()
      assert.equal((await cut).status, 'sent')
      await mesh.advance(1_000)
      assert.deepEqual(heard, [1, 2])
    })
  })

  it('keeps the order of a key across retries', async () => {
    await withMesh({ nodes: 2, seed: 3 }, async (mesh) => {
      const heard: number[] = []
      let calls = 0
      await mesh.nodes[1]!.agent('worker', {
        receive: ({ data }) => {
          if (++calls % 3 !== 0) throw NOT_NOW
          heard.push(data)
        }
      })
      const sender = await mesh.nodes[0]!.agent('sender')
      const numbers = Array.from({ length: 20 }, (_, i) => i)
      await Promise.all(numbers.map((n) => sender.send('worker', n, { key: 'one' })))
      assert.deepEqual(heard, numbers)
    })
  })

  it('sends at most half of the window to one name, however much is stored for it', async () => {
    await using mesh = await createMesh({ nodes: 2, latency: [1, 1], disks: true })
    let begun = 0
    const worker = await mesh.nodes[1]!.agent('worker')
    worker.receive(
      () => {
        begun++
        return new Promise(() => {})
      },
      { concurrency: 10_000 }
    )
    let others = 0
    await mesh.nodes[1]!.agent('other', { receive: () => void others++ })
    const sender = await mesh.nodes[0]!.agent('sender')
    const guarantee = { timeout: 600_000 }
    await Promise.all(Array.from({ length: 1_500 }, (_, n) => sender.send('worker', n, { durable: true, guarantee })))
    await mesh.advance(1_000)
    assert.equal(begun, 512)
    await (await sender.send('other', 1, { durable: true })).settled
    assert.equal(others, 1)
  })

  it('no number leaves that is not on disk: a later life would give it to another message', async () => {
    await using mesh = await createMesh({ nodes: 2, latency: [1, 1], disks: true })
    const first = await mesh.nodes[0]!.agent('sender')
    await first.send('worker', 'held', { durable: true })
    const { settled } = await first.send('worker', 'early', { durable: true })
    mesh.disk(0).syncFailure = 1
    const heard: unknown[] = []
    const receive = ({ data }: { data: unknown }): unknown =>
      data === 'held' ? new Promise(() => {}) : void heard.push(data)
    await mesh.nodes[1]!.agent('worker', {}).then((worker) => worker.receive(receive, { concurrency: 2 }))
    await mesh.advance(1_000)
    assert.deepEqual(heard, [])
    mesh.disk(0).syncFailure = 0
    assert.equal((await settled).status, 'delivered')
    const second = await (await mesh.restart(0)).agent('sender')
    await (await second.send('worker', 'late', { durable: true })).settled
    assert.deepEqual(heard, ['early', 'late'])
  })

  it('a dead letter lets the next of its key go', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const heard: unknown[] = []
      await mesh.nodes[1]!.agent('worker', {
        receive: ({ data }, ctx) => (data === 1 ? ctx.term('never') : void heard.push(data))
      })
      const sender = await mesh.nodes[0]!.agent('sender')
      const [one, two] = await Promise.allSettled([1, 2].map((n) => sender.send('worker', n, { ...ONCE, key: 'k' })))
      assert.deepEqual([one!.status, two!.status, heard], ['rejected', 'fulfilled', [2]])
    })
  })

  it('a name of the sender’s own holds as long as it is remembered', async () => {
    await withMesh({ nodes: [{ limits: { idRetention: 1_000 } }, {}] }, async (mesh) => {
      const heard: unknown[] = []
      await mesh.nodes[1]!.agent('worker', { receive: ({ data }) => void heard.push(data) })
      const sender = await mesh.nodes[0]!.agent('sender')
      const named = { id: 'mine' }
      assert.equal((await sender.send('worker', 1, named)).status, 'delivered')
      assert.equal((await sender.send('worker', 1, named)).status, 'duplicate')
      await assert.rejects(sender.send('worker', 2, named), { code: 'ERR_ID_REUSED' })
      assert.equal((await sender.send('worker', 2, { ...named, to: 'all' })).length, 1, 'to one instance by name')
      await mesh.advance(2_000)
      assert.equal((await sender.send('worker', 3, named)).status, 'delivered')
      assert.deepEqual(heard, [1, 2, 3])
    })
  })
})
