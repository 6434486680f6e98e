import assert from 'node:assert/strict'
import type { MeshError } from '../../src/index.ts'
import { createMesh } from '../../src/testing/index.ts'

describe('a dead letter that the disk refuses', () => {
  it('is kept as soon as the disk takes it, and not before is its sender told', async () => {
    await using mesh = await createMesh({ nodes: 2, disks: true })
    const [here, there] = mesh.nodes
    await there!.agent('worker', {
      receive: async (_, ctx) => {
        await mesh.sleep(100)
        ctx.term('no use')
      }
    })
    const sender = await here!.agent('sender')
    const receipt = await sender.send('worker', 1, { delivery: 'at-least-once', durable: true })
    assert.equal(receipt.status, 'stored')
    const end: MeshError[] = []
    const told = receipt.settled.catch((error: MeshError) => {
      end.push(error)
    })
    mesh.disk(0).syncFailure = 1
    await mesh.advance(10_000)
    assert.equal(end.length, 0)
    mesh.disk(0).syncFailure = 0
    await mesh.run(told)
    assert.equal(end[0]?.code, 'ERR_TERMINATED')
    const letters: number[] = []
    for await (const { data } of here!.deadLetters.list()) letters.push(data as number)
    assert.deepEqual(letters, [1])
  })
})
