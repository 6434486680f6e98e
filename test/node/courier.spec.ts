import assert from 'node:assert/strict'
import { createMesh } from '../../src/testing/index.ts'

describe('at-least-once sends', () => {
  it('wait out an open circuit as they wait out any failed attempt', async () => {
    await using mesh = await createMesh({ nodes: 2, seed: 14 })
    let failing = true
    const receive = (): unknown => (failing ? new Promise(() => {}) : undefined)
    await mesh.run(mesh.nodes[1]!.agent('worker', { receive }))
    const sender = await mesh.run(mesh.nodes[0]!.agent('sender'))
    const opened: string[] = []
    void (async () => {
      for await (const { kind } of mesh.nodes[0]!.events()) opened.push(kind)
    })()
    const send = (maxRetries: number) => sender.send('worker', 1, { delivery: 'at-least-once', maxRetries })
    const failed = await mesh.run(Promise.allSettled([1, 2, 3, 4, 5].map(() => send(0))))
    assert.ok(failed.every(({ status }) => status === 'rejected'))
    assert.ok(opened.includes('circuit-opened'))
    failing = false
    await assert.rejects(mesh.run(send(0)), (error: Error & { code: string; cause: { code: string } }) => {
      assert.deepEqual([error.code, error.cause.code], ['ERR_MAX_RETRIES', 'ERR_CIRCUIT_OPEN'])
      return true
    })
    assert.equal((await mesh.run(send(10))).status, 'delivered')
  })
  it('that find the queue of their own link full open no circuit', async () => {
    await using mesh = await createMesh({ nodes: [{ limits: { linkQueueBytes: 4_096 } }, {}], seed: 3 })
    const opened: string[] = []
    void (async () => {
      for await (const { kind } of mesh.nodes[0]!.events()) opened.push(kind)
    })()
    let handled = 0
    const receive = (): void => {
      handled++
    }
    await mesh.run(mesh.nodes[1]!.agent('worker', { receive }))
    const sender = await mesh.run(mesh.nodes[0]!.agent('sender'))
    const options = { delivery: 'at-least-once', maxRetries: 20 } as const
    const sends = Array.from({ length: 100 }, () => sender.send('worker', new Uint8Array(1_000), options))
    const receipts = await mesh.run(Promise.all(sends))
    assert.ok(
      receipts.some(({ attempts }) => attempts > 1),
      'the queue was full'
    )
    assert.equal(handled, 100)
    assert.equal(opened.includes('circuit-opened'), false)
  })
})
