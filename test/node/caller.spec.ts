import assert from 'node:assert/strict'
import { fateOf, withMesh } from '../agent/ground.ts'

const ASK = { type: 'ask', timeout: 100 } as const

/** The patient lives on node 0; its caller there too, or on node 1. */
for (const [where, caller] of [
  ['on the same node', 0],
  ['on another node', 1]
] as const) {
  describe(`a call to a target ${where} whose circuit has opened`, () => {
    it('is the probe that closes it, once the cool-down is over', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        let well = false
        const handle = { ask: () => (well ? 'well' : new Promise(() => {})) }
        await mesh.run(mesh.nodes[0]!.agent('patient', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        for (let i = 0; i < 5; i++) {
          await assert.rejects(mesh.run(agent.request('patient', i, ASK)), { code: 'ERR_TIMEOUT' })
        }
        await assert.rejects(mesh.run(agent.request('patient', 0, ASK)), { code: 'ERR_CIRCUIT_OPEN' })
        well = true
        await mesh.advance(1_000)
        assert.equal((await mesh.run(agent.request('patient', 0, ASK))).data, 'well')
        assert.equal((await mesh.run(agent.request('patient', 0, ASK))).data, 'well')
      })
    })

    it('is a probe in vain where nothing can be sent, and frees its place for the next', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        let well = false
        const handle = { ask: () => (well ? 'well' : new Promise(() => {})) }
        await mesh.run(mesh.nodes[0]!.agent('patient', { handle }))
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const ill = Array.from({ length: 5 }, (_, i) => fateOf(agent.request('patient', i, ASK)))
        await mesh.advance(200)
        assert.ok(ill.every(({ code }) => code === 'ERR_TIMEOUT'))
        well = true
        await mesh.advance(1_000)
        await assert.rejects(mesh.run(agent.request('patient', () => {}, ASK)), { code: 'ERR_UNREPRESENTABLE' })
        assert.equal((await mesh.run(agent.request('patient', 0, ASK))).data, 'well')
      })
    })
  })
}
