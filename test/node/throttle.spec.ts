import assert from 'node:assert/strict'
import { fateOf, withMesh } from '../agent/ground.ts'

describe('a burst of requests beyond what their agent answers', () => {
  for (const [where, caller] of [
    ['on the same node', 0],
    ['on another node', 1]
  ] as const) {
    it(`waits where it comes from, ${where}: nobody is refused, and none overtakes another`, async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        const asked: number[] = []
        worker.handle('work', async ({ data }) => {
          asked.push(data)
          await new Promise<void>((resolve) => waits.push(resolve))
          return data
        })
        const waits: (() => void)[] = []
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const fates = Array.from({ length: 5_000 }, (_, i) =>
          fateOf(agent.request('worker', i, { type: 'work', timeout: 600_000 }))
        )
        await mesh.advance(100)
        assert.equal(asked.length, 256)
        assert.ok(mesh.nodes[caller]!.counters().throttled >= 5_000 - 1_024)
        for (let round = 0; round < 200 && fates.some(({ status }) => status === 'pending'); round++) {
          for (const resolve of waits.splice(0)) resolve()
          await mesh.advance(10)
        }
        assert.ok(fates.every(({ status }) => status === 'fulfilled'))
        assert.deepEqual(
          asked,
          Array.from({ length: 5_000 }, (_, i) => i)
        )
      })
    })
  }

  it('waits no longer than its caller, and is forgotten with it', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const never = () => new Promise(() => {})
      await mesh.run(mesh.nodes[0]!.agent('worker', { handle: { stuck: never, well: ({ data }) => data } }))
      const agent = await mesh.run(mesh.nodes[1]!.agent('caller'))
      const fates = Array.from({ length: 3_000 }, (_, i) => fateOf(agent.request('worker', i, { type: 'stuck' })))
      await mesh.advance(5_100)
      assert.ok(fates.every(({ code }) => code === 'ERR_TIMEOUT'))
      // The circuit is open now, which is another matter; once it lets a probe through, all is well.
      await mesh.advance(60_000)
      assert.equal((await mesh.run(agent.request('worker', 7, { type: 'well' }))).data, 7)
    })
  })
})
