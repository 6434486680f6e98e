import assert from 'node:assert/strict'
import type { SendOptions } from '../../src/index.ts'
import { createMesh } from '../../src/testing/index.ts'

/** ms; far more than a message takes to its receiver's handler. */
const SLOW = 1_000

/**
 * A sender whose numbers are reserved and whose disk has become slow, and what its receiver's handler took: what is below
 * 0 at the second attempt.
 */
async function slow(options: SendOptions) {
  const mesh = await createMesh({ nodes: 2, disks: true })
  const handled: unknown[] = []
  const receive = ({ data }: { data: number }): void => {
    handled.push(data)
    if (data < 0 && handled.length < 3) throw new Error('not now')
  }
  await mesh.nodes[1]!.agent('worker', { receive })
  const sender = await mesh.nodes[0]!.agent('sender')
  await (await sender.send('worker', 0, { delivery: 'at-least-once', durable: true })).settled
  const conditions = mesh.disk(0)
  conditions.syncLatency = [SLOW, SLOW]
  const send = (data: number, more: SendOptions = {}) =>
    sender.send('worker', data, { durable: true, ...options, ...more })
  return { mesh, handled, conditions, send, [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose]() }
}

describe('a durable message and its record', () => {
  it('go at the same time where it is sent at least once', async () => {
    await using ground = await slow({ delivery: 'at-least-once' })
    const { mesh, handled, send } = ground
    const sent = send(1)
    await mesh.advance(SLOW / 2)
    assert.deepEqual(handled, [0, 1])
    assert.equal((await mesh.run(sent)).status, 'delivered')
  })

  const waiting: Record<string, SendOptions> = {
    'is exactly-once': { delivery: 'exactly-once' },
    'was named by its sender': { delivery: 'at-least-once', id: 'mine' }
  }
  for (const [what, options] of Object.entries(waiting)) {
    it(`go one after the other where it ${what}, and nobody overtakes it`, async () => {
      await using ground = await slow(options)
      const { mesh, handled, send } = ground
      const sent = [send(1), send(2, { delivery: 'at-least-once', id: undefined })]
      await mesh.advance(SLOW / 2)
      assert.deepEqual(handled, [0])
      assert.equal((await mesh.run(sent[0]!)).status, 'stored')
      await mesh.run(Promise.all(sent.map(async (one) => (await one).settled)))
      assert.deepEqual(handled, [0, 1, 2])
    })
  }

  it('wait for each other before a second attempt', async () => {
    await using ground = await slow({ delivery: 'at-least-once' })
    const { mesh, handled, send } = ground
    const sent = send(-1)
    await mesh.advance(SLOW / 2)
    assert.deepEqual(handled, [0, -1])
    await mesh.run((await mesh.run(sent)).settled)
    assert.deepEqual(handled, [0, -1, -1])
  })

  it('leave a number that nothing else has, where the record is lost in a crash', async () => {
    await using ground = await slow({ delivery: 'at-least-once' })
    const { mesh, handled, conditions, send } = ground
    send(1).catch(() => {})
    await mesh.advance(SLOW / 2)
    assert.deepEqual(handled, [0, 1])
    conditions.syncLatency = [1, 1]
    await mesh.restart(0)
    const again = await mesh.run(mesh.nodes[0]!.agent('sender'))
    const next = await mesh.run(again.send('worker', 2, { delivery: 'at-least-once', durable: true }))
    assert.equal((await mesh.run(next.settled)).status, 'delivered')
    assert.deepEqual(handled, [0, 1, 2])
  })

  it('end with the record where that fails, and what follows is delivered', async () => {
    await using ground = await slow({ delivery: 'at-least-once' })
    const { mesh, handled, conditions, send } = ground
    mesh.partition([0], [1])
    const refused = assert.rejects(send(1), { code: 'ERR_STORAGE' })
    conditions.syncFailure = 1
    await mesh.run(refused)
    conditions.syncFailure = 0
    mesh.heal()
    const receipt = await mesh.run(send(2))
    assert.equal((await mesh.run(receipt.settled)).status, 'delivered')
    assert.equal(handled.at(-1), 2)
  })
})
