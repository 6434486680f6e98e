import assert from 'node:assert/strict'
import { LinkTable } from '../../../src/runtime/links/table.ts'
import { createMembership } from '../../../src/runtime/membership/create.ts'
import type { MembershipDriver, MembershipDriverOptions } from '../../../src/runtime/membership/types.ts'
import { World, type WorldOptions } from '../../../src/testing/world.ts'

const LIMITS = {
  queueBytes: 8 * 2 ** 20,
  window: { frames: 1_024, bytes: 2 ** 20 },
  maxFrame: 2 ** 20,
  streamsPerPeer: 32,
  handshakeTimeout: 5_000,
  readTimeout: 10_000,
  idleTimeout: 60_000
}

interface Resident {
  label: string
  peer: string
  membership: MembershipDriver
  refused: unknown[]
}

/** The driver over the links of production, on simulated hosts. */
async function settle(world: World, label: string, options: MembershipDriverOptions): Promise<Resident> {
  const { network, clock, dice } = await world.place(label)
  const { host } = network
  const refused: unknown[] = []
  const links = new LinkTable({
    host,
    clock,
    dice,
    formats: ['messagepack'],
    limits: LIMITS,
    onEvent: (event) => refused.push(event),
    onHeard: (peer) => membership.heard(peer)
  })
  const self = { name: label, region: 'eu', zone: undefined }
  const membership = createMembership({ host, links, clock, dice, self, options })
  host.onConnect = (peer) => membership.connected(peer)
  host.onDisconnect = (peer) => membership.disconnected(peer)
  await host.start()
  await membership.start()
  return { label, peer: host.peer, membership, refused }
}

async function mesh(count: number, conditions: WorldOptions) {
  const world = new World(conditions)
  const labels = Array.from({ length: count }, (_, i) => `m${i}`)
  const first = await settle(world, 'm0', {})
  const bootstrap = first.membership.signedRecord(first.peer)!.record.addresses
  const nodes = [first]
  for (const label of labels.slice(1)) nodes.push(await settle(world, label, { bootstrap }))
  return { world, nodes, bootstrap }
}

function alive(node: Resident): string[] {
  return [...node.membership.members()].map((member) => member.record.name).sort()
}

describe('membership over links', function () {
  this.timeout(60_000)

  it('makes one mesh of twelve, with real signatures and framing', async () => {
    const { world, nodes } = await mesh(12, { seed: 1, latency: [1, 20] })
    await world.time.run(Promise.all(nodes.map(({ membership }) => membership.joined(11))), 20_000)
    for (const node of nodes) {
      assert.equal(alive(node).length, 11)
      assert.deepEqual(node.refused, [])
    }
  })

  it('brings ten thousand entries to everybody', async () => {
    const { world, nodes } = await mesh(3, { seed: 2, latency: [1, 5] })
    await world.time.advance(3_000)
    const [a, b] = nodes
    let version = 0
    for (let i = 0; i < 10_000; i++)
      version = a!.membership.set(`agent/worker/${i}`, { name: 'worker', instance: `${i}` })
    await world.time.run(a!.membership.announced(version), 5_000)
    assert.equal(b!.membership.member(a!.peer)?.entries.size, 10_000)
    assert.deepEqual(
      nodes.flatMap((node) => node.refused),
      []
    )
  })

  it('notices a machine that is gone without a word, and a process that was killed', async () => {
    const { world, nodes, bootstrap } = await mesh(5, { seed: 3, latency: [1, 5] })
    await world.time.advance(5_000)
    world.crash('m4', { silent: true })
    world.crash('m3')
    await world.time.advance(5_300)
    for (const node of nodes.slice(0, 3))
      assert.ok(!alive(node).some((name) => name === 'm3' || name === 'm4'), node.label)
    const again = await settle(world, 'm4', { bootstrap })
    await world.time.run(again.membership.joined(2), 20_000)
    await world.time.advance(3_000)
    for (const node of nodes.slice(0, 3)) assert.ok(alive(node).includes('m4'), node.label)
  })

  it('heals a partition', async () => {
    const { world, nodes } = await mesh(6, { seed: 4, latency: [1, 5] })
    await world.time.advance(5_000)
    const cross = [0, 1, 2].flatMap((a) => [3, 4, 5].map((b) => [`m${a}`, `m${b}`] as const))
    for (const [a, b] of cross) world.cut(a, b)
    await world.time.advance(15_000)
    for (const node of nodes) assert.equal(alive(node).length, 2, node.label)
    for (const [a, b] of cross) world.heal(a, b)
    await world.time.advance(40_000)
    for (const node of nodes) assert.equal(alive(node).length, 5, node.label)
  })
})
