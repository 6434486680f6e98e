import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createNode, type Node, type Receiver } from '../../src/index.ts'
import { temporaryFolder } from '../kit/folder.ts'
import { until } from '../kit/until.ts'

const add: Receiver = async ({ data }, ctx) => {
  const total = (await ctx.state.get('total')) ?? 0
  await ctx.commit([{ type: 'put', key: 'total', value: total + data }])
}

describe('the API, “`createNode({ controlPlane: { voters } })` gives the default one”', function () {
  this.timeout(60_000)

  it('agents are placed and moved by it over real links, and their state outlives every host', async () => {
    await using folder = await temporaryFolder()
    const dataDir = (i: number): string => join(folder.path, String(i))
    // A PeerId is in the folder from the first start on.
    const voters: string[] = []
    for (const i of [0, 1, 2]) {
      await using node = await createNode({ dataDir: dataDir(i), start: false })
      voters.push(String(node.peerId))
    }
    const start = async (bootstrap: Node | undefined, i: number): Promise<Node> =>
      createNode({ dataDir: dataDir(i), controlPlane: { voters }, bootstrap: bootstrap?.multiaddrs ?? [] })
    const register = (node: Node) => node.agent('ledger', { receive: add, placed: true })

    const first = await start(undefined, 0)
    const nodes = [first, await start(first, 1), await start(first, 2)]
    await Promise.all(nodes.map((node) => node.ready({ peers: 2 })))
    await Promise.all(nodes.map(register))
    const [a, b, c] = nodes as [Node, Node, Node]
    await a.placement.place('ledger', a.peerId, { timeout: 20_000 })
    const till = await c.agent('till')
    await till.send('ledger', 1, { delivery: 'exactly-once' })
    await b.placement.move('ledger', b.peerId)
    const { peer } = await till.send('ledger', 2, { delivery: 'exactly-once' })
    assert.equal(peer, String(b.peerId))
    const hosts = await c.placement.hosts()
    assert.deepEqual(hosts.map((host) => host.peer).toSorted(), voters.toSorted())
    await Promise.all(nodes.map((node) => node.stop()))

    const again = await start(undefined, 0)
    await using _a = again
    await using other = await start(again, 1)
    await Promise.all([again, other].map((node) => node.ready({ peers: 1 })))
    const ledgers = await Promise.all([again, other].map(register))
    assert.equal((await again.placement.of('ledger', { timeout: 20_000 }))!.peer, String(other.peerId))
    assert.equal(await ledgers[0]!.state.get('total'), 3)
    await until('the ledger to be found', () => again.agents('ledger').length === 1)
    assert.equal(again.agents('ledger')[0]!.peer, String(other.peerId))
  })
})
