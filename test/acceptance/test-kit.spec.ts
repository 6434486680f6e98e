import assert from 'node:assert/strict'
import { createMesh } from '../../src/testing/index.ts'

describe('the API, “The test kit”', () => {
  it('“mesh.partition([0, 1], [2, 3, 4]); await mesh.advance(10_000); mesh.heal()”', async () => {
    await using mesh = await createMesh({ nodes: 5, seed: 42, latency: [1, 20], loss: 0.01 })
    const known = () => mesh.nodes.map((node) => node.peers().length)
    const registered = mesh.nodes[4]!.agent('worker', { handle: { echo: ({ data }) => data } })
    await mesh.advance(1_000)
    await registered
    const caller = await mesh.run(mesh.nodes[0]!.agent('caller'))
    const ask = () => mesh.run(caller.request('worker', 1, { type: 'echo' }))
    assert.equal((await ask()).data, 1)
    mesh.partition([0, 1], [2, 3, 4])
    await mesh.advance(10_000)
    assert.deepEqual(known(), [1, 1, 2, 2, 2])
    await assert.rejects(ask(), { code: 'ERR_NO_RESPONDERS' })
    mesh.heal()
    await mesh.advance(10_000)
    assert.deepEqual(known(), [4, 4, 4, 4, 4])
    assert.equal((await ask()).data, 1)
  })

  it('an option that is wrong is named: a share above 1 would lose for ever, a time that is none stop the clock', async () => {
    const wrong: [options: object, key: string][] = [
      [{}, 'nodes'],
      [{ nodes: 0 }, 'nodes'],
      [{ nodes: 1.5 }, 'nodes'],
      [{ nodes: 2, seed: 'x' }, 'seed'],
      [{ nodes: 2, latency: 5 }, 'latency'],
      [{ nodes: 2, latency: [20, 1] }, 'latency'],
      [{ nodes: 2, loss: 1 }, 'loss'],
      [{ nodes: 2, loss: -0.1 }, 'loss'],
      [{ nodes: 2, bandwidth: 0 }, 'bandwidth'],
      [{ nodes: 2, nonsense: 1 }, 'nonsense'],
      [{ nodes: [{ listen: [] }, { nonsense: 1 }] }, 'nonsense']
    ]
    for (const [options, key] of wrong) {
      await assert.rejects(
        createMesh(options as never),
        { code: 'ERR_CONFIG', details: { key } },
        JSON.stringify(options)
      )
    }
    await using mesh = await createMesh({ nodes: 1 })
    const { now } = mesh
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5' as never]) {
      await assert.rejects(mesh.advance(ms), { code: 'ERR_CONFIG' })
    }
    assert.equal(mesh.now, now)
    assert.throws(() => mesh.partition([0], [1]), { code: 'ERR_CONFIG', details: { key: 'nodes' } })
  })
})
