import assert from 'node:assert/strict'
import { createMesh } from '../../src/testing/index.ts'

describe('at-least-once sends', () => {
  it('wait out an open circuit as they wait out any failed attempt', async () => {
    await using mesh = await createMesh({ nodes: 2, seed: 14 })
    let failing = true
    const receive = (): void => {
      if (failing) throw new Error('not now')
    }
    await mesh.run(mesh.nodes[1]!.agent('worker', { receive }))
    const sender = await mesh.run(mesh.nodes[0]!.agent('sender'))
    const opened = mesh.nodes[0]!.events().next()
    const send = (maxRetries: number) => sender.send('worker', 1, { delivery: 'at-least-once', maxRetries })
    const failed = await mesh.run(Promise.allSettled([1, 2, 3, 4, 5].map(() => send(0))))
    assert.ok(failed.every(({ status }) => status === 'rejected'))
    assert.equal((await opened).value?.kind, 'circuit-opened')
    failing = false
    await assert.rejects(mesh.run(send(0)), (error: Error & { code: string; cause: { code: string } }) => {
      assert.deepEqual([error.code, error.cause.code], ['ERR_MAX_RETRIES', 'ERR_CIRCUIT_OPEN'])
      return true
    })
    assert.equal((await mesh.run(send(10))).status, 'delivered')
  })
})
