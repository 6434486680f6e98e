import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNode, type KeyValueGroup, type Node } from '../../src/index.ts'
import { until } from '../kit/until.ts'

/** The machine may be busy. */
const PATIENT = { timeout: 30_000 }

/** Three voters with data folders and a client, over libp2p on loopback. */
describe('consensus over libp2p', function () {
  this.timeout(60_000)
  let folder: string
  let nodes: Node[]
  let groups: KeyValueGroup[]

  const nodeAt = (i: number, bootstrap: Node['multiaddrs'] = []): Promise<Node> =>
    createNode({ name: `node-${i}`, bootstrap, ...(i < 3 && { dataDir: join(folder, String(i)) }) })
  const open = (node: Node): Promise<KeyValueGroup> =>
    node.consensus('config', { voters: nodes.slice(0, 3).map(({ peerId }) => peerId) })

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'phoenix-consensus-'))
    nodes = [await nodeAt(0)]
    for (const i of [1, 2, 3]) nodes.push(await nodeAt(i, nodes[0]!.multiaddrs))
    await Promise.all(nodes.map((node) => node.ready({ peers: 3, timeout: 15_000 })))
    groups = await Promise.all(nodes.map(open))
  })
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop({ drain: false })))
    await rm(folder, { recursive: true, force: true })
  })

  it('commits, reads, compares and sets, from members and a client', async () => {
    for (const [i, group] of groups.entries()) {
      await group.propose(`of ${i}`, { by: i, bytes: new Uint8Array(1_000) }, PATIENT)
      for (const other of groups) assert.equal(((await other.read(`of ${i}`, PATIENT)) as { by: number }).by, i)
    }
    assert.equal(await groups[3]!.compareAndSet('n', undefined, 1), true)
    const many = Array.from({ length: 1_000 }, (_, i) => groups[3]!.propose('many', i, PATIENT))
    assert.equal(new Set((await Promise.all(many)).map(({ index }) => index)).size, 1_000)
    const reads = await Promise.all(Array.from({ length: 1_000 }, (_, i) => groups[i % 4]!.read('many', PATIENT)))
    assert.equal(new Set(reads).size, 1)
  })

  it('holds locks one at a time', async () => {
    let held = 0
    const tokens: number[] = []
    const rounds = [0, 1, 2, 3, 3, 2, 1, 0].map(async (i) => {
      await using lock = await groups[i]!.lock('migrate', PATIENT)
      assert.equal(held++, 0)
      tokens.push(lock.token)
      await groups[i]!.propose('migrated', lock.token)
      held--
    })
    await Promise.all(rounds)
    assert.deepEqual(
      tokens,
      [...new Set(tokens)].toSorted((a, b) => a - b)
    )
  })

  it('goes on without a leader that stops, tells a watcher all of it, and takes it back with what it had', async () => {
    const watched: unknown[] = []
    const controller = new AbortController()
    const watching = (async () => {
      for await (const item of groups[3]!.watch({ signal: controller.signal })) {
        assert(item.kind === undefined)
        watched.push(item.value)
      }
    })()
    await groups[3]!.propose('x', 0, PATIENT)
    await until('the watch to have begun', async () => {
      await groups[3]!.propose('x', 0, PATIENT)
      return watched.length > 0
    })
    const leader = groups.findIndex((group) => group.status().role === 'leader')
    const planner = await nodes[3]!.agent('planner')
    await using election = await groups[3]!.elect('scheduler', planner, PATIENT)
    assert.equal(election.isLeader, true)

    const first = nodes[leader]!
    const waiting = [1, 2, 3].map((value) => groups[3]!.propose('x', value, PATIENT))
    await first.stop({ drain: false })
    await Promise.all(waiting)
    const other = nodes.find((_, i) => i < 3 && i !== leader)!
    nodes[leader] = await nodeAt(leader, other.multiaddrs)
    assert.equal(String(nodes[leader]!.peerId), String(first.peerId))
    groups[leader] = await open(nodes[leader]!)
    await groups[leader]!.propose('x', 4, PATIENT)
    assert.equal(await groups[leader]!.read('n', PATIENT), 1)
    await until('the watch to have all', () => watched.at(-1) === 4)
    controller.abort()
    await watching
    assert.deepEqual(
      watched.filter((value) => value !== 0),
      [1, 2, 3, 4]
    )
    assert.equal(election.lost.aborted, false)
  })
})
