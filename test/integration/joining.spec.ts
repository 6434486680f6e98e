import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNode, type Node } from '../../src/index.ts'
import { temporaryFolder } from '../kit/folder.ts'
import { record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

const fast = { limits: { failureTimeout: 1_500 } }

describe('joining over libp2p', function () {
  this.timeout(60_000)
  const running: Node[] = []

  async function start(options: Parameters<typeof createNode>[0]): Promise<Node> {
    const node = await createNode(options)
    running.push(node)
    return node
  }
  afterEach(async () => {
    await Promise.all(running.splice(0).map((node) => node.stop({ drain: false })))
  })

  it('makes one mesh of twelve that start at once, whoever is there first', async () => {
    const seeds = [
      await createNode({ name: 'seed-0', start: false }),
      await createNode({ name: 'seed-1', start: false })
    ]
    running.push(...seeds)
    await seeds[0]!.start()
    const bootstrap = seeds[0]!.multiaddrs
    const others = Array.from({ length: 10 }, (_, i) => start({ name: `node-${i}`, bootstrap }))
    await Promise.all(others)
    await start({ name: 'late', bootstrap: running.at(-1)!.multiaddrs })
    const mesh = running.filter(({ state }) => state === 'started')
    assert.equal(mesh.length, 12)
    await Promise.all(mesh.map((node) => node.ready({ peers: 11, timeout: 40_000 })))
    const everybody = new Set(mesh.map(({ peerId }) => String(peerId)))
    for (const node of mesh) {
      assert.deepEqual(new Set([String(node.peerId), ...node.peers().map(({ peerId }) => peerId)]), everybody)
    }
    await mesh[5]!.agent('worker', { handle: { who: () => 5 } })
    const caller = await mesh[11]!.agent('caller')
    assert.equal((await caller.request('worker', 0, { type: 'who' })).data, 5)
  })

  it('brings a node back that lost everyone, when its bootstrap peer is up again at the same place', async () => {
    await using folder = await temporaryFolder()
    const first = await createNode({ name: 'seed', dataDir: folder.path, ...fast })
    const listen = first.multiaddrs.filter((address) => !`${address}`.includes('p2p-circuit'))
    const place = String(listen[0]).replace(/\/p2p\/.*/, '')
    const lonely = await start({ name: 'lonely', bootstrap: listen, ...fast })
    await lonely.ready()
    const events = record(lonely.events())
    await first.agent('oracle', { handle: { ask: () => 'first life' } })
    await until('the oracle', () => lonely.agents('oracle').length === 1)
    await first.stop({ drain: false })
    await events.first(({ kind }) => kind === 'peer-left')
    await until('loneliness', () => lonely.peers().length === 0 && lonely.agents('oracle').length === 0)

    const second = await start({ name: 'seed', dataDir: folder.path, listen: [place], ...fast })
    assert.equal(String(second.peerId), String(first.peerId))
    await until('the reunion', () => lonely.peers().length === 1)
    // The agents of the former life are gone for good: what this one hosts is what counts.
    assert.equal(lonely.agents('oracle').length, 0)
    const caller = await lonely.agent('caller')
    await assert.rejects(caller.request('oracle', 0, { type: 'ask' }), { code: 'ERR_NO_RESPONDERS' })
    await second.agent('oracle', { handle: { ask: () => 'second life' } })
    assert.equal((await caller.request('oracle', 0, { type: 'ask' })).data, 'second life')
    assert.deepEqual(
      lonely.agents('oracle').map(({ host, peer }) => [host, peer]),
      [['seed', String(second.peerId)]]
    )
  })

  it('does not confuse a node that is back at once with its former life', async () => {
    await using folder = await temporaryFolder()
    // A folder belongs to one node at a time, and the former life goes on here: the identity is what they share.
    await using next = await temporaryFolder()
    const seed = await start({ name: 'seed' })
    const options = { name: 'phoenix', bootstrap: seed.multiaddrs.map(String) }
    const before = await createNode({ ...options, dataDir: folder.path })
    await copyFile(join(folder.path, 'identity.key'), join(next.path, 'identity.key'))
    await before.agent('old', { handle: { who: () => 'old' } })
    await before.ready()
    await until('the old agent', () => seed.agents('old').length === 1)
    // No farewell: only the connections go, as with a crash.
    await before.libp2p.stop()
    const after = await start({ ...options, dataDir: next.path })
    assert.equal(String(after.peerId), String(before.peerId))
    await after.agent('new', { handle: { who: () => 'new' } })
    await until('the new agent', () => seed.agents('new').length === 1)
    await until('the old one to be gone', () => seed.agents('old').length === 0)
    await before.stop({ drain: false })
    const caller = await seed.agent('caller')
    assert.equal((await caller.request('new', 0, { type: 'who' })).data, 'new')
    await assert.rejects(caller.request('old', 0, { type: 'who' }), { code: 'ERR_NO_RESPONDERS' })
    assert.equal(seed.peers().length, 1)
  })

  it('has an agent found and a subscription reached though nobody waited for the node to be ready', async () => {
    const seed = await start({ name: 'seed' })
    const caller = await seed.agent('caller')
    for (let round = 0; round < 5; round++) {
      const node = await start({ bootstrap: seed.multiaddrs })
      const subscription = (await node.agent(`reader-${round}`)).subscribe(`round.${round}`)
      await Promise.all([subscription.ready, node.agent(`host-${round}`, { handle: { who: () => round } })])
      await caller.publish(`round.${round}`, round)
      assert.equal((await caller.request(`host-${round}`, 0, { type: 'who' })).data, round)
      const { value } = await subscription[Symbol.asyncIterator]().next()
      assert.equal(value.data, round)
    }
  })

  it('does not wait for a bootstrap peer that is not there', async () => {
    const node = await start({ bootstrap: ['/ip4/127.0.0.1/tcp/9'] })
    const agent = await node.agent('alone', { handle: { who: () => 'me' } })
    assert.equal((await agent.request('alone', 0, { type: 'who' })).data, 'me')
  })
})
