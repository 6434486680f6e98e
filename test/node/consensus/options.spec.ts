import assert from 'node:assert/strict'
import { createMesh } from '../../../src/testing/index.ts'
import { Counter, openGroups } from './ground.ts'

/** As from JavaScript. */
const any = (value: unknown) => value as never

describe('consensus: what was given wrongly', () => {
  it('is ERR_CONFIG that names it, members that are no PeerIds among it', async () => {
    await using mesh = await createMesh({ nodes: 3, seed: 2 })
    const [node] = mesh.nodes
    const self = node!.peerId
    for (const [key, options] of [
      ['voters[0]', { voters: ['the first host'] }],
      ['voters[1]', { voters: [self, {}] }],
      ['voters[0]', { voters: [5] }],
      ['learners[0]', { voters: [self], learners: ['hello'] }],
      ['voters', { voters: [self, String(self)] }],
      ['voters', { voters: Array(65).fill(self) }]
    ] as const) {
      await assert.rejects(node!.consensus('config', any(options)), { code: 'ERR_CONFIG', details: { key } })
    }
    const [group] = await openGroups(mesh, 2)
    const { peerId: client } = mesh.nodes[2]!
    for (const [key, call] of [
      ['options', group!.changeVoters([self], any(null))],
      ['to', group!.transferLeadership('nobody')],
      ['to', group!.transferLeadership(client)]
    ] as const) {
      await assert.rejects(call, { code: 'ERR_CONFIG', details: { key } })
    }
  })

  it('is refused where it is asked: what is too large for a log, and questions that are no data, on members and clients alike', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 2 })
    const groups = await openGroups(mesh, 3)
    const voters = groups[0]!.status().voters
    const counters = await Promise.all(
      mesh.nodes.map((node) => node.consensus('counter', { voters, machine: new Counter() }))
    )
    for (const i of [0, 1, 2, 3]) {
      for (const bytes of [1_048_576, 17_000_000]) {
        const large = groups[i]!.propose('large', new Uint8Array(bytes))
        await assert.rejects(large, { code: 'ERR_MESSAGE_TOO_LARGE', message: /of 1048576 at most/ })
      }
      await assert.rejects(
        counters[i]!.read(() => 1),
        { code: 'ERR_UNREPRESENTABLE' }
      )
    }
  })
})
