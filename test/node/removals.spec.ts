import assert from 'node:assert/strict'
import { createMesh } from '../../src/testing/index.ts'
import { eventsOf } from '../agent/ground.ts'

describe('a durable message that was delivered', () => {
  it('is no dead letter of the next life, though its node was idle until it died and its time is up', () =>
    dyingAfter(2_000))

  it('is none where it died before that was on disk: its receiver is asked', () => dyingAfter(10))

  async function dyingAfter(idle: number): Promise<void> {
    await using mesh = await createMesh({ nodes: 2, disks: true })
    const handled: unknown[] = []
    await mesh.nodes[1]!.agent('worker', { receive: ({ data }) => void handled.push(data) })
    const order = { durable: true, id: 'order-7', ttl: 3_000 } as const
    const sender = await mesh.nodes[0]!.agent('sender')
    await mesh.advance(100)
    assert.equal((await (await sender.send('worker', 7, order)).settled).status, 'delivered')
    await mesh.advance(idle)
    mesh.crash(0)
    await mesh.advance(10_000)
    await mesh.restart(0)
    const events = eventsOf(mesh, 0)
    await mesh.nodes[0]!.ready()
    const again = await mesh.nodes[0]!.agent('sender')
    await mesh.advance(10_000)
    assert.equal((await again.send('worker', 7, order)).status, 'duplicate')
    for await (const { code } of mesh.nodes[0]!.deadLetters.list()) assert.fail(code)
    assert.deepEqual(
      events.filter(({ kind }) => kind === 'dead-letter'),
      []
    )
    assert.deepEqual(handled, [7])
  }

  it('is a dead letter where it was sent, and not handled in its time', async () => {
    await using mesh = await createMesh({ nodes: 2, disks: true })
    const handled: unknown[] = []
    await mesh.nodes[1]!.agent('worker', { receive: () => new Promise(() => {}) })
    const sender = await mesh.nodes[0]!.agent('sender')
    await mesh.advance(100)
    await sender.send('worker', 7, { durable: true, ttl: 3_000 })
    await mesh.advance(500)
    mesh.crash(0)
    mesh.crash(1)
    await mesh.advance(10_000)
    await mesh.restart(1)
    await mesh.restart(0)
    await mesh.nodes[1]!.agent('worker', { receive: ({ data }) => void handled.push(data) })
    await mesh.advance(20_000)
    const codes: string[] = []
    for await (const { code } of mesh.nodes[0]!.deadLetters.list()) codes.push(code)
    assert.deepEqual([codes, handled], [['ERR_TTL'], []])
  })
})
