import assert from 'node:assert/strict'
import type { HandlerOptions } from '../../src/agent/types.ts'
import { heldUp, SMALL } from '../kit/full-mailbox.ts'
import { numbers } from '../kit/numbers.ts'
import { eventsOf, fateOf, gate, withMesh } from './ground.ts'

const ACKNOWLEDGED = { delivery: 'at-least-once' } as const
const ONCE = { delivery: 'at-most-once' } as const

/** The receiver lives on node 0; its sender there too, or on node 1. */
for (const [where, sender] of [
  ['the same node', 0],
  ['another node', 1]
] as const) {
  describe(`a full mailbox, sent to from ${where}`, () => {
    it('drop-oldest: keeps the newest, and tells how many made room', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const { open, handled, receive } = heldUp()
        const events = eventsOf(mesh, 0)
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive, overflow: 'drop-oldest', ...SMALL }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        for (const i of numbers(100)) await mesh.run(agent.send('worker', i, ONCE))
        await mesh.advance(2_000)
        open()
        await mesh.advance(100)
        assert.deepEqual(handled, [0, ...numbers(10, 90)])
        const told = events.filter((event) => event.kind === 'overflow' && event.owner === undefined)
        const count = told.reduce((sum, event) => sum + ('count' in event ? event.count : 0), 0)
        assert.equal(count, 89)
        assert.ok(told.length < 10, `${told.length} events for 89 messages`)
        assert.ok(told.every((event) => 'strategy' in event && event.strategy === 'drop-oldest'))
        assert.equal(mesh.nodes[0]!.counters().droppedOldest, 89)
        assert.equal(mesh.nodes[0]!.counters().dropped, 89)
      })
    })

    it('drop-newest: keeps the oldest', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const closed = gate()
        const handled: number[] = []
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        worker.receive(
          async ({ data }) => {
            await closed.passed
            handled.push(data)
          },
          { overflow: 'drop-newest', ...SMALL }
        )
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        for (const i of numbers(100)) await mesh.run(agent.send('worker', i, ONCE))
        await mesh.advance(100)
        closed.open()
        await mesh.advance(100)
        assert.deepEqual(handled, numbers(11))
        assert.equal(mesh.nodes[0]!.counters().droppedNewest, 89)
      })
    })

    it('drop-newest of what is acknowledged is a refusal: its sender tries again', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const closed = gate()
        const handled = new Set<number>()
        const receive = async ({ data }: { data: number }) => {
          await closed.passed
          handled.add(data)
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive, overflow: 'drop-newest', ...SMALL }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const sends = numbers(30).map((i) => agent.send('worker', i, { ...ACKNOWLEDGED, maxRetries: 20 }))
        await mesh.advance(200)
        closed.open()
        await mesh.run(Promise.all(sends))
        assert.equal(handled.size, 30)
      })
    })

    it('spill-to-disk: what does not fit waits on disk, everything in order, whoever acknowledges it', async () => {
      await withMesh({ nodes: 2, disks: true }, async (mesh) => {
        const { open, handled, receive } = heldUp()
        const events = eventsOf(mesh, 0)
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive, overflow: 'spill-to-disk', ...SMALL }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const sends = numbers(500).map((i) => fateOf(agent.send('worker', i, i % 3 === 0 ? ACKNOWLEDGED : ONCE)))
        await mesh.advance(2_000)
        assert.deepEqual(
          sends.filter(({ status }) => status === 'fulfilled').length,
          numbers(500).filter((i) => i % 3 !== 0).length
        )
        assert.ok(mesh.nodes[0]!.counters().spilled > 400)
        open()
        for (let i = 0; i < 20; i++) await mesh.advance(500)
        assert.deepEqual(handled, numbers(500))
        assert.ok(sends.every(({ status }) => status === 'fulfilled'))
        assert.ok(events.some((event) => event.kind === 'overflow'))
        assert.equal(events.filter(({ kind }) => kind === 'dropped').length, 0)
        // Once all of it was read the mailbox is as if nothing had been.
        await mesh.run(agent.send('worker', 500, ACKNOWLEDGED))
        assert.equal(handled.at(-1), 500)
      })
    })

    it('redirect: another member takes what finds no room, and its sender hears of the end', async () => {
      await withMesh({ nodes: 3 }, async (mesh) => {
        const closed = gate()
        const handled: [string, number][] = []
        const receive = async ({ data }: { data: number }) => {
          await closed.passed
          handled.push(['full', data])
        }
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive, overflow: 'redirect', ...SMALL }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const sends = numbers(40).map((i) => fateOf(agent.send('worker', i, i % 2 ? ACKNOWLEDGED : ONCE)))
        // Nobody else yet: they wait as they would without a strategy.
        await mesh.advance(500)
        await mesh.run(mesh.nodes[2]!.agent('worker', { receive: ({ data }) => void handled.push(['other', data]) }))
        const more = numbers(40, 40).map((i) =>
          fateOf(agent.send({ name: 'worker', peer: mesh.nodes[0]!.peerId }, i, i % 2 ? ACKNOWLEDGED : ONCE))
        )
        await mesh.advance(900)
        closed.open()
        await mesh.advance(2_000)
        assert.ok([...sends, ...more].every(({ status }) => status === 'fulfilled'))
        assert.deepEqual(
          handled.map(([, data]) => data).toSorted((a, b) => a - b),
          numbers(80)
        )
      })
    })

    it('redirect: a named agent takes what finds no room, and knows who sent it', async () => {
      await withMesh({ nodes: 3 }, async (mesh) => {
        const never = new Promise(() => {})
        const taken: [number, string, string][] = []
        const options = { receive: () => never, overflow: 'redirect', redirect: 'relief', ...SMALL } as const
        await mesh.run(mesh.nodes[0]!.agent('worker', options))
        await mesh.run(
          mesh.nodes[2]!.agent('relief', {
            receive: ({ data, routing }, ctx) => void taken.push([data, ctx.sender.agent, routing?.target ?? ''])
          })
        )
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const sends = numbers(60).map((i) => fateOf(agent.send('worker', i, i % 2 ? ACKNOWLEDGED : ONCE)))
        await mesh.advance(2_000)
        assert.deepEqual(
          taken,
          numbers(49, 11).map((i) => [i, 'sender', 'relief'])
        )
        assert.ok(sends.slice(11).every(({ status }) => status === 'fulfilled'))
        assert.equal(mesh.nodes[0]!.counters().redirected, 49)
      })
    })

    it('redirect: one instance of a name gets all of it where it was named', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const taken: [string, number][] = []
        const spares = []
        for (const node of [0, 1, 1]) {
          const spare = await mesh.run(mesh.nodes[node]!.agent('spare'))
          spare.receive(({ data }) => void taken.push([spare.instance, data]))
          spares.push(spare)
        }
        const { instance } = spares[1]!
        const redirect = { name: 'spare', instance }
        const receive = () => new Promise(() => {})
        await mesh.run(mesh.nodes[0]!.agent('worker', { receive, overflow: 'redirect', redirect, ...SMALL }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const sends = numbers(40).map((i) => fateOf(agent.send('worker', i, i % 2 ? ACKNOWLEDGED : ONCE)))
        await mesh.advance(2_000)
        assert.deepEqual(
          taken,
          numbers(29, 11).map((i) => [instance, i])
        )
        assert.ok(sends.slice(11).every(({ status }) => status === 'fulfilled'))
      })
    })
    it('redirect: agents that point at each other slow their senders in the end', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const { open, handled, receive } = heldUp()
        await mesh.run(mesh.nodes[0]!.agent('left', { receive, overflow: 'redirect', redirect: 'right', ...SMALL }))
        await mesh.run(mesh.nodes[0]!.agent('right', { receive, overflow: 'redirect', redirect: 'left', ...SMALL }))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const sends = numbers(100).map((i) => fateOf(agent.send('left', i, ACKNOWLEDGED)))
        await mesh.advance(1_000)
        assert.ok(mesh.nodes[0]!.counters().redirected < 1_000)
        open()
        await mesh.advance(20_000)
        assert.ok(sends.every(({ status }) => status === 'fulfilled'))
        assert.equal(new Set(handled).size, 100)
      })
    })
  })
}

describe('a mailbox that spills', () => {
  it('is read after a restart: at-most-once messages once, acknowledged ones when they are sent again', async () => {
    await withMesh({ nodes: 2, disks: true }, async (mesh) => {
      const never = new Promise(() => {})
      const host = mesh.nodes[0]!
      const options = { overflow: 'spill-to-disk', ...SMALL } as const
      await mesh.run(host.agent('worker', { receive: () => never, ...options }))
      const agent = await mesh.run(mesh.nodes[1]!.agent('sender'))
      const sends = numbers(200).map((i) =>
        fateOf(agent.send('worker', i, i % 2 ? { ...ACKNOWLEDGED, maxRetries: 20 } : ONCE))
      )
      await mesh.advance(2_000)
      await mesh.crash(0)
      await mesh.restart(0)
      const handled: number[] = []
      const events = eventsOf(mesh, 0)
      await mesh.run(mesh.nodes[0]!.agent('worker', { receive: ({ data }) => void handled.push(data), ...options }))
      await mesh.advance(60_000)
      assert.ok(sends.every(({ status }) => status === 'fulfilled'))
      assert.equal(new Set(handled).size, handled.length, 'each once')
      const odd = handled.filter((i) => i % 2 === 1)
      const even = handled.filter((i) => i % 2 === 0)
      assert.equal(odd.length, 100)
      // What was in memory is gone, and was nobody's to keep: the handler's, and the queue of ten.
      assert.deepEqual(
        even,
        numbers(100)
          .map((i) => 2 * i)
          .slice(-even.length)
      )
      assert.ok(even.length >= 94, `${even.length} of 100`)
      assert.ok(events.some((event) => event.kind === 'reclaimed' && event.messages === even.length))
      assert.equal(mesh.nodes[0]!.counters().reclaimed, even.length)
    })
  })

  it('is refused without a data folder, and other combinations that cannot be kept', async () => {
    await withMesh({ nodes: 1 }, async (mesh) => {
      const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
      assert.throws(() => worker.receive(() => {}, { overflow: 'spill-to-disk' }), { code: 'ERR_NO_DATA_DIR' })
      for (const [options, key] of [
        [{ overflow: 'redirect', delivery: 'exactly-once' }, 'overflow'],
        [{ overflow: 'sometimes' }, 'overflow'],
        [{ redirect: 'other' }, 'redirect'],
        [{ maxQueue: { messages: 0 } }, 'maxQueue.messages'],
        [{ highWatermark: 3_000 }, 'highWatermark'],
        [{ lowWatermark: 1_000 }, 'lowWatermark']
      ] as [HandlerOptions, string][]) {
        assert.throws(() => worker.receive(() => {}, options), { code: 'ERR_CONFIG', details: { key } }, key)
      }
      // None of them took the place of a handler.
      worker.receive(() => {}, { overflow: 'drop-oldest' })
      assert.throws(() => worker.handle('x', () => 1, { overflow: 'reject' }), { code: 'ERR_CONFIG' })
    })
  })
})

describe('a burst in one turn between two agents of one node', () => {
  it('loses nothing, slows who awaits, and tells who sends on in the end', async () => {
    await withMesh({ nodes: 1 }, async (mesh) => {
      const closed = gate()
      const handled: number[] = []
      const events = eventsOf(mesh, 0)
      await mesh.run(
        mesh.nodes[0]!.agent('worker', {
          receive: async ({ data }) => {
            await closed.passed
            handled.push(data)
          }
        })
      )
      const agent = await mesh.run(mesh.nodes[0]!.agent('sender'))
      const sends = numbers(40_000).map((i) => fateOf(agent.send('worker', i, ONCE)))
      await mesh.advance(10)
      const taken = sends.filter(({ code }) => code === undefined).length
      assert.ok(taken >= 32_768 && taken < 40_000, `${taken} taken`)
      assert.ok(sends.slice(taken).every(({ code }) => code === 'ERR_QUEUE_FULL'))
      assert.equal(sends.filter(({ status }) => status === 'pending').length > 20_000, true, 'they are slowed')
      closed.open()
      await mesh.advance(5_000)
      assert.deepEqual(handled, numbers(taken))
      assert.equal(events.filter(({ kind }) => kind === 'dropped').length, 0)
    })
  })
})
