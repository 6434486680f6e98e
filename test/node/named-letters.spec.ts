import assert from 'node:assert/strict'
import type { MeshError, Receipt } from '../../src/index.ts'
import { createMesh, type Mesh } from '../../src/testing/index.ts'

const outcome = (promise: Promise<Receipt | undefined>): Promise<string | undefined> =>
  promise.then(
    (receipt) => receipt?.status,
    ({ code }: MeshError) => code
  )

describe('a dead letter whose sender gave it its id', () => {
  for (const durable of [false, true]) {
    describe(durable ? 'on disk' : 'in memory', () => {
      const order = { id: 'order-7', delivery: 'exactly-once', durable } as const

      /** The letter lies there; from now on the worker does as `willing` says. */
      async function ground(willing: boolean) {
        const mesh: Mesh = await createMesh({ nodes: 2, disks: durable })
        const [here, there] = mesh.nodes
        const handled: number[] = []
        let may = false
        await there!.agent('worker', {
          receive: ({ data }, ctx) => {
            handled.push(data as number)
            if (!may) ctx.term('not now')
          }
        })
        const sender = await here!.agent('sender')
        const send = async (data: number) => (await sender.send('worker', data, order)).settled
        assert.equal(await outcome(send(7)), 'ERR_TERMINATED')
        handled.length = 0
        may = willing
        const letters = async () => {
          const ids: string[] = []
          for await (const { id } of here!.deadLetters.list()) ids.push(id)
          return ids
        }
        const replay = async () => (await here!.deadLetters.replay(order.id))!.settled
        return { mesh, send, replay, letters, handled }
      }

      for (const first of ['replay', 'send'] as const) {
        it(`is handled once where it is replayed and sent at once, the ${first} before the other`, async () => {
          const { mesh, send, replay, letters, handled } = await ground(true)
          await using _ = mesh
          const both = first === 'replay' ? [replay(), send(7)] : [send(7), replay()]
          const ends = await Promise.all(both.map(outcome))
          assert.ok(ends.includes('delivered'), `${ends}`)
          await mesh.advance(10_000)
          assert.deepEqual(handled, [7])
          assert.deepEqual(await letters(), [])
        })
      }

      it('is one letter again where both fail', async () => {
        const { mesh, send, replay, letters } = await ground(false)
        await using _ = mesh
        assert.deepEqual(await Promise.all([replay(), send(7)].map(outcome)), ['ERR_TERMINATED', 'ERR_TERMINATED'])
        assert.deepEqual(await letters(), ['order-7'])
      })

      it('is told apart from other data while it is replayed', async () => {
        const { mesh, send, replay, handled } = await ground(true)
        await using _ = mesh
        assert.deepEqual(await Promise.all([replay(), send(8)].map(outcome)), ['delivered', 'ERR_ID_REUSED'])
        assert.deepEqual(handled, [7])
      })
    })
  }

  it('is no other message while the disk refuses the letter', async () => {
    const order = { id: 'order-7', delivery: 'exactly-once', durable: true } as const
    await using mesh = await createMesh({ nodes: 2, disks: true })
    const handled: unknown[] = []
    await mesh.nodes[1]!.agent('worker', {
      receive: async ({ data }, ctx) => {
        handled.push(data)
        await mesh.sleep(100)
        ctx.term('no use')
      }
    })
    const sender = await mesh.nodes[0]!.agent('sender')
    const first = await sender.send('worker', 7, order)
    const ends = [outcome(first.settled)]
    mesh.disk(0).syncFailure = 1
    await mesh.advance(10_000)
    ends.push(outcome(sender.send('worker', 7, order).then(({ settled }) => settled)))
    await mesh.advance(1_000)
    mesh.disk(0).syncFailure = 0
    assert.deepEqual(await mesh.run(Promise.all(ends)), ['ERR_TERMINATED', 'ERR_TERMINATED'])
    assert.deepEqual(handled, [7])
  })
})
