import assert from 'node:assert/strict'
import type { Agent, NodeEvent, Receiver } from '../../src/index.ts'
import { createMesh, type Mesh, type MeshOptions } from '../../src/testing/index.ts'

const EXACTLY_ONCE = { delivery: 'exactly-once' } as const

/** Three that agree; 3 and 4 may have the ledger, which 3 has at first; 5 sends to it. */
async function ground(
  receive: (host: number, mesh: Mesh) => Receiver = () => book,
  options: Partial<MeshOptions> = {}
) {
  const mesh = await createMesh({ nodes: 6, seed: 8, controlPlane: { voters: [0, 1, 2] }, ...options })
  const ledgers: Agent[] = []
  for (const host of [3, 4]) {
    ledgers[host] = await mesh.nodes[host]!.agent('ledger', { receive: receive(host, mesh), placed: true })
  }
  const { placement } = mesh.nodes[0]!
  await placement.place('ledger', peer(mesh, 3))
  const sender = await mesh.nodes[5]!.agent('sender')
  while (mesh.nodes[5]!.agents('ledger').length === 0) await mesh.advance(50)
  return { mesh, ledgers, placement, sender }
}

function peer(mesh: Mesh, host: number): string {
  return String(mesh.nodes[host]!.peerId)
}

/** How often each number was booked, and how many bookings there were. */
async function book(...[{ data }, ctx]: Parameters<Receiver>): Promise<void> {
  const times = (await ctx.state.get(`times-${data}`)) ?? 0
  const count = (await ctx.state.get('count')) ?? 0
  await ctx.commit([
    { type: 'put', key: `times-${data}`, value: times + 1 },
    { type: 'put', key: 'count', value: count + 1 }
  ])
}

async function booked(ledger: Agent): Promise<Map<string, unknown>> {
  const entries = new Map<string, unknown>()
  for await (const [key, value] of ledger.state.entries()) entries.set(key, value)
  return entries
}

function onceEach(count: number): Map<string, unknown> {
  const keys = Array.from({ length: count }, (_, i): [string, unknown] => [`times-${i}`, 1])
  return new Map<string, unknown>(
    [['count', count], ...keys].toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)) as [string, unknown][]
  )
}

/** What several nodes tell. */
function record(streams: AsyncIterable<NodeEvent>[]): NodeEvent[] {
  const told: NodeEvent[] = []
  for (const stream of streams)
    void (async () => {
      for await (const event of stream) told.push(event)
    })()
  return told
}

/** Hosts at which the agent is found, as node 5 knows it. */
function found(mesh: Mesh): string[] {
  return mesh.nodes[5]!.agents('ledger').map(({ peer }) => peer)
}

describe('placement', () => {
  it('has an agent active where it is placed, and nowhere else', async () => {
    const { mesh, placement, sender } = await ground()
    await using _ = mesh
    assert.deepEqual(found(mesh), [peer(mesh, 3)])
    const { peer: reached } = await sender.send('ledger', 1, EXACTLY_ONCE)
    assert.equal(reached, peer(mesh, 3))
    const placed = await mesh.nodes[5]!.placement.of('ledger')
    assert.deepEqual({ ...placed, since: 0 }, { agent: 'ledger', peer: peer(mesh, 3), since: 0, to: undefined })
    assert.equal(await placement.of('other'), undefined)
    await assert.rejects(placement.place('ledger', peer(mesh, 4)), { code: 'ERR_CONFLICT' })
    assert.equal(await placement.remove('ledger'), true)
    await mesh.advance(1_000)
    assert.deepEqual(found(mesh), [])
    await assert.rejects(sender.send('ledger', 2, EXACTLY_ONCE), { code: 'ERR_NO_RESPONDERS' })
  })

  it('moves an agent under load: each effect once, nothing lost, its state goes with it', async () => {
    const hosts = new Map<number, number>()
    const { mesh, ledgers, placement, sender } = await ground((host, mesh) => async (message, ctx) => {
      hosts.set(host, (hosts.get(host) ?? 0) + 1)
      await mesh.sleep(5)
      await book(message, ctx)
    })
    await using _ = mesh
    const receipts: Promise<unknown>[] = []
    const before = await placement.of('ledger')
    const load = (async () => {
      for (let i = 0; i < 200; i++) {
        receipts.push(sender.send('ledger', i, EXACTLY_ONCE))
        await mesh.sleep(10)
      }
    })()
    await mesh.advance(700)
    const moved = await mesh.nodes[1]!.placement.move('ledger', peer(mesh, 4))
    assert.equal(moved.peer, peer(mesh, 4))
    assert(moved.since > before!.since)
    await mesh.run(load)
    await Promise.all(receipts)
    assert.deepEqual(await booked(ledgers[4]!), onceEach(200))
    for (const host of [3, 4]) assert(hosts.get(host)! > 5, `${hosts.get(host)} at ${host}`)
    assert.deepEqual(found(mesh), [peer(mesh, 4)])
    // And back.
    await placement.move('ledger', peer(mesh, 3))
    await sender.send('ledger', 200, EXACTLY_ONCE)
    assert.deepEqual(await booked(ledgers[3]!), onceEach(201))
  })

  it('waits for what is being handled before it is on record that the agent moved', async () => {
    let begun = false
    const { mesh, ledgers, placement, sender } = await ground((_host, mesh) => async (message, ctx) => {
      begun = true
      await mesh.sleep(3_000)
      await book(message, ctx)
    })
    await using _ = mesh
    const sent = sender.send('ledger', 0, EXACTLY_ONCE)
    while (!begun) await mesh.advance(1)
    const moving = placement.move('ledger', peer(mesh, 4))
    await mesh.advance(1_000)
    const midway = await placement.of('ledger')
    assert.deepEqual([midway!.peer, midway!.to], [peer(mesh, 3), peer(mesh, 4)])
    await moving
    assert.equal(((await sent) as { peer: string }).peer, peer(mesh, 3))
    assert.deepEqual(await booked(ledgers[4]!), onceEach(1))
  })

  it('is taken over by the new host when the old one dies in the middle of a move', async () => {
    const begun: number[] = []
    const never = new Promise(() => {})
    const { mesh, ledgers, placement, sender } = await ground(
      (host) => async (message, ctx) => {
        begun.push(host)
        if (host === 3 && message.data === 30) await never
        await book(message, ctx)
      },
      { disks: true }
    )
    await using _ = mesh
    const settled: Promise<unknown>[] = []
    for (let i = 0; i < 60; i++) {
      const receipt = await sender.send('ledger', i, { ...EXACTLY_ONCE, durable: true })
      settled.push(receipt.settled)
    }
    while (begun.length < 31) await mesh.advance(10)
    const moving = placement.move('ledger', peer(mesh, 4))
    await mesh.advance(500)
    mesh.crash(3, { silent: true })
    assert.equal((await moving).peer, peer(mesh, 4))
    await mesh.run(Promise.all(settled), { limit: 300_000 })
    assert.deepEqual(await booked(ledgers[4]!), onceEach(60))
    assert.deepEqual(begun.filter((host) => host === 3).length, 31)
    // Whoever was crashed knows its place when it comes back.
    const back = await mesh.restart(3)
    await back.agent('ledger', { receive: book, placed: true })
    await mesh.advance(2_000)
    assert.deepEqual(found(mesh), [peer(mesh, 4)])
  })

  it('goes on at another host that has it when its own has died and does not come back, with the state', async () => {
    const { mesh, ledgers, placement, sender } = await ground(() => book, { disks: true })
    await using _ = mesh
    const events = record(mesh.nodes.slice(0, 3).map((node) => node.events()))
    const settled: Promise<unknown>[] = []
    for (let i = 0; i < 40; i++) {
      const receipt = await sender.send('ledger', i, { ...EXACTLY_ONCE, durable: true, maxRetries: 1_000 })
      settled.push(receipt.settled)
      if (i === 20) mesh.crash(3, { silent: true })
      await mesh.advance(10)
    }
    await mesh.run(Promise.all(settled), { limit: 120_000 })
    assert.equal((await placement.of('ledger'))?.peer, peer(mesh, 4))
    assert.deepEqual(await booked(ledgers[4]!), onceEach(40))
    const orphaned = { kind: 'placement-orphaned', group: 'control-plane', agent: 'ledger', peer: peer(mesh, 3) }
    assert.deepEqual(
      events.filter(({ kind }) => kind === 'placement-orphaned').map((event) => ({ ...event, at: 0 })),
      [{ ...orphaned, at: 0 }]
    )
    // Whoever comes back does not take it back.
    const back = await mesh.restart(3)
    await back.agent('ledger', { receive: book, placed: true })
    await mesh.advance(15_000)
    assert.deepEqual(found(mesh), [peer(mesh, 4)])
  })

  it('stays where it is when its host is started anew, and waits for one that has it where there is none', async () => {
    const { mesh, ledgers, placement } = await ground()
    await using _ = mesh
    await mesh.nodes[3]!.stop()
    await mesh.advance(8_000)
    const back = await mesh.restart(3)
    await back.agent('ledger', { receive: book, placed: true })
    await mesh.advance(15_000)
    assert.equal((await placement.of('ledger'))?.peer, peer(mesh, 3))
    await ledgers[4]!.close()
    mesh.crash(3)
    await mesh.advance(30_000)
    assert.equal((await placement.of('ledger'))?.peer, peer(mesh, 3))
    await mesh.nodes[1]!.agent('ledger', { receive: book, placed: true })
    await mesh.advance(5_000)
    assert.deepEqual(found(mesh), [peer(mesh, 1)])
  })

  it('spreads the agents of a host that died over those that have them', async () => {
    const { mesh, placement } = await ground()
    await using _ = mesh
    const names = ['a', 'b', 'c', 'd']
    for (const name of names) {
      for (const host of [1, 2, 3]) await mesh.nodes[host]!.agent(name, { receive: book, placed: true })
      await placement.place(name, peer(mesh, 3))
    }
    mesh.crash(3)
    await mesh.advance(30_000)
    const places = await Promise.all(names.map(async (name) => (await placement.of(name))!.peer))
    assert.deepEqual(places.toSorted(), [1, 1, 2, 2].map((host) => peer(mesh, host)).toSorted())
  })

  it('stays where it is when there is no such agent at the new host', async () => {
    const { mesh, ledgers, placement, sender } = await ground()
    await using _ = mesh
    await assert.rejects(placement.move('ledger', peer(mesh, 1)), { code: 'ERR_NO_RESPONDERS' })
    await sender.send('ledger', 0, EXACTLY_ONCE)
    assert.deepEqual(await booked(ledgers[3]!), onceEach(1))
    await assert.rejects(placement.move('other', peer(mesh, 1)), { code: 'ERR_CONFLICT' })
  })

  it('tells where agents are, and each change', async () => {
    const { mesh, placement } = await ground()
    await using _ = mesh
    const told: unknown[] = []
    for await (const { agent, peer: at } of placement.changes()) {
      told.push([agent, at])
      if (told.length === 1) await placement.move('ledger', peer(mesh, 4))
      if (at === peer(mesh, 4)) break
    }
    assert.deepEqual(told[0], ['ledger', peer(mesh, 3)])
    assert.deepEqual(told.at(-1), ['ledger', peer(mesh, 4)])
  })

  it('needs a group, and one host for one agent of a name', async () => {
    const { mesh } = await ground()
    await using _ = mesh
    const ledger = { receive: book, placed: true }
    await assert.rejects(mesh.nodes[3]!.agent('ledger', ledger), { code: 'ERR_ALREADY_REGISTERED' })
    const spilling = { ...ledger, overflow: 'spill-to-disk' } as const
    await assert.rejects(mesh.nodes[1]!.agent('ledger', spilling), { details: { key: 'overflow' } })
    await using lone = await createMesh({ nodes: 1, seed: 1 })
    const [node] = lone.nodes
    await assert.rejects(node!.agent('ledger', ledger), { code: 'ERR_NO_CONSENSUS' })
    await assert.rejects(node!.placement.of('ledger'), { code: 'ERR_NO_CONSENSUS' })
    const group = await node!.consensus('config', { voters: [node!.peerId] })
    await node!.agent('ledger', { receive: book, placed: { group } })
    await node!.placement.place('ledger', node!.peerId, { group })
    await lone.advance(100)
    assert.equal(node!.agents('ledger').length, 1)
  })
})

describe('the record of members in the control plane', () => {
  it('has who joined and who left, outlives a minority, and is told once by each of its hosts', async () => {
    await using mesh = await createMesh({ nodes: 5, seed: 3, controlPlane: { voters: [0, 1, 2] } })
    const told: string[] = []
    const names = new Map(mesh.nodes.map(({ peerId, name }) => [String(peerId), name]))
    void (async () => {
      for await (const event of mesh.nodes[0]!.events()) {
        if (event.kind === 'member-recorded') told.push(`${names.get(event.peer)} ${event.change}`)
      }
    })()
    const recorded = async () =>
      (await mesh.nodes[3]!.placement.hosts({ timeout: 30_000 })).map(({ name }) => name).sort()
    await mesh.advance(3_000)
    assert.deepEqual(await recorded(), ['node-0', 'node-1', 'node-2', 'node-3', 'node-4'])
    await mesh.nodes[4]!.stop()
    await mesh.advance(3_000)
    assert.deepEqual(await recorded(), ['node-0', 'node-1', 'node-2', 'node-3'])
    // One of three, the leader where that is not the one that listens.
    const [, one, two] = mesh.nodes
    const leads = (node: typeof one) => node!.consensusGroups()[0]!.status().role === 'leader'
    const dies = leads(two) ? 2 : 1
    mesh.crash(dies)
    await mesh.advance(20_000)
    const left = ['node-0', 'node-1', 'node-2', 'node-3'].filter((name) => name !== `node-${dies}`)
    assert.deepEqual(await recorded(), left)
    await mesh.restart(dies)
    await mesh.advance(5_000)
    assert.deepEqual(await recorded(), ['node-0', 'node-1', 'node-2', 'node-3'])
    assert(one)
    const expected = ['node-4 left', `node-${dies} left`, `node-${dies} joined`]
    assert.deepEqual(told.slice(-3), expected)
    assert.deepEqual(
      told.slice(0, -3).toSorted(),
      [0, 1, 2, 3, 4].map((i) => `node-${i} joined`)
    )
    // Nothing is put on record that was there.
    const { commit } = mesh.nodes[0]!.consensusGroups()[0]!.status()
    await mesh.advance(30_000)
    assert.equal(mesh.nodes[0]!.consensusGroups()[0]!.status().commit, commit)
  })
})
