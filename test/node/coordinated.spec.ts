import assert from 'node:assert/strict'
import type { Agent, Receiver } from '../../src/index.ts'
import { createMesh, type Mesh, type MeshOptions } from '../../src/testing/index.ts'

const EXACTLY_ONCE = { delivery: 'exactly-once' } as const

/** Five that agree; 3 and 4 have the agent, 5 sends to it. */
async function ground(receive: (host: number, mesh: Mesh) => Receiver, options: Partial<MeshOptions> = {}) {
  const mesh = await createMesh({ nodes: 6, seed: 4, controlPlane: { voters: [0, 1, 2, 3, 4] }, ...options })
  const counters: Agent[] = []
  for (const host of [3, 4]) {
    counters[host] = await mesh.nodes[host]!.agent('counter', { receive: receive(host, mesh), coordinated: true })
  }
  const sender = await mesh.nodes[5]!.agent('sender')
  await sender.send('counter', 0, EXACTLY_ONCE)
  return { mesh, counters, sender }
}

async function add(...[message, ctx]: Parameters<Receiver>): Promise<void> {
  const total = (await ctx.state.get('total')) ?? 0
  await ctx.commit([{ type: 'put', key: 'total', value: total + message.data }])
}

function others(host: number): number[] {
  return [0, 1, 2, 3, 4, 5].filter((other) => other !== host)
}

describe('the coordinated exactly-once mode', () => {
  it('goes on elsewhere when a host is cut off between handling and acknowledgement, and has happened once', async () => {
    const handled: number[] = []
    const { mesh, counters, sender } = await ground((host, mesh) => async (message, ctx) => {
      await add(message, ctx)
      if (message.data === 0) return
      handled.push(host)
      if (message.data === 7) mesh.partition([host], others(host))
    })
    await using _ = mesh
    const { status, peer } = await sender.send('counter', 7, { ...EXACTLY_ONCE, maxRetries: 10 })
    const [first] = handled
    const second = first === 3 ? 4 : 3
    assert.deepEqual(handled, [first])
    assert.deepEqual([status, peer], ['duplicate', String(mesh.nodes[second]!.peerId)])
    assert.equal(await counters[second]!.state.get('total'), 7)
    mesh.heal()
    await mesh.nodes[5]!.ready({ peers: 5 })
    await Promise.all([1, 2, 3, 4].map((n) => sender.send('counter', n, { ...EXACTLY_ONCE, maxRetries: 10 })))
    for (const host of [3, 4]) assert.equal(await counters[host]!.state.get('total'), 17)
  })

  it('is explained, with its group', async () => {
    const { mesh, sender } = await ground(() => add)
    await using _ = mesh
    await mesh.nodes[3]!.agent('other', { receive: () => {} })
    await sender.send('other', 0, EXACTLY_ONCE)
    const why = (name: string, mode: 'exactly-once' | 'at-least-once') =>
      mesh.nodes[5]!.explain({ data: 1, guarantee: { mode } }, name).coordination
    const { chosen, reason } = why('counter', 'exactly-once')
    assert.equal(chosen, 'control-plane')
    assert.match(
      reason,
      /^the hosts of counter share .* the group control-plane: it goes on at another .* happens once$/
    )
    assert.match(why('counter', 'at-least-once').reason, /a copy changes nothing/)
    const alone = 'other shares what was delivered with no other host: once it was transmitted it goes nowhere else'
    assert.deepEqual(why('other', 'exactly-once'), { chosen: 'none', reason: alone })
    assert.deepEqual(why('nobody', 'exactly-once'), { chosen: 'none', reason: 'there is nobody to reach' })
  })

  it('is handled elsewhere when a host dies in the middle of it, also by a sender that was restarted', async () => {
    const begun: number[] = []
    const never = new Promise(() => {})
    const { mesh, counters, sender } = await ground(
      (host) => async (message, ctx) => {
        begun.push(host)
        if (message.data === 7 && begun.filter((at) => at !== -1).length === 2) await never
        await add(message, ctx)
      },
      { disks: true }
    )
    await using _ = mesh
    const { settled } = await sender.send('counter', 7, { ...EXACTLY_ONCE, durable: true })
    settled.catch(() => {})
    while (begun.length < 2) await mesh.advance(10)
    const first = begun[1]!
    const second = first === 3 ? 4 : 3
    // What it knows of who may have handled it survives its sender's death.
    const restarted = mesh.restart(5)
    mesh.crash(first, { silent: true })
    await restarted
    while (begun.length < 3) await mesh.advance(100)
    while ((await counters[second]!.state.get('total')) !== 7) await mesh.advance(100)
    assert.deepEqual(begun.slice(1), [first, second])
  })

  it('sends a dead letter again to another host than the one that had it', async () => {
    const failed: number[] = []
    const { mesh, counters, sender } = await ground((host) => async (message, ctx) => {
      if (message.data === 9 && failed.length === 0) {
        failed.push(host)
        throw new Error('not now')
      }
      await add(message, ctx)
    })
    await using _ = mesh
    await assert.rejects(sender.send('counter', 9, { ...EXACTLY_ONCE, maxRetries: 0 }), { code: 'ERR_MAX_RETRIES' })
    mesh.crash(failed[0]!)
    await mesh.advance(20_000)
    const { deadLetters } = mesh.nodes[5]!
    for await (const { id } of deadLetters.list()) assert.equal((await deadLetters.replay(id))!.status, 'delivered')
    const other = failed[0] === 3 ? 4 : 3
    assert.equal(await counters[other]!.state.get('total'), 9)
  })

  it('refuses with ERR_COORDINATION_TIMEOUT where three of five are gone, within the time, and goes on afterwards', async () => {
    const { mesh, counters, sender } = await ground(() => add)
    await using _ = mesh
    mesh.partition([0, 1, 2], [3, 4, 5])
    await mesh.advance(10_000)
    const from = mesh.now
    await assert.rejects(sender.send('counter', 7, { ...EXACTLY_ONCE, maxRetries: 0 }), {
      code: 'ERR_COORDINATION_TIMEOUT',
      retryable: true
    })
    assert(mesh.now - from <= 5_000)
    await assert.rejects(counters[3]!.state.get('total'), { code: 'ERR_COORDINATION_TIMEOUT', retryable: true })
    const waiting = sender.send('counter', 5, { ...EXACTLY_ONCE, maxRetries: 20 })
    await mesh.advance(2_000)
    mesh.heal()
    await waiting
    assert.equal(await counters[4]!.state.get('total'), 5)
  })

  it('needs a group: the control plane, or one that is named', async () => {
    await using mesh = await createMesh({ nodes: 2, seed: 1 })
    const [a, b] = mesh.nodes
    await assert.rejects(a!.agent('counter', { coordinated: true }), { code: 'ERR_NO_CONSENSUS' })
    await assert.rejects(a!.agent('counter', { coordinated: { group: { name: 'x' } } }), { code: 'ERR_CONFIG' })
    const other = 1 as unknown as boolean
    await assert.rejects(a!.agent('counter', { coordinated: other }), { details: { key: 'coordinated' } })
    const voters = [a!.peerId]
    const [group] = await Promise.all([a, b].map((node) => node!.consensus('config', { voters })))
    const counter = await a!.agent('counter', { receive: add, coordinated: { group: group! } })
    const sender = await b!.agent('sender')
    await sender.send('counter', 3, EXACTLY_ONCE)
    assert.equal(await counter.state.get('total'), 3)
  })

  it('is never a side effect of having a control plane', async () => {
    await using mesh = await createMesh({ nodes: 3, seed: 2, controlPlane: { voters: [0, 1, 2] } })
    const counters: Agent[] = []
    for (const node of mesh.nodes) counters.push(await node.agent('counter', { receive: [add, EXACTLY_ONCE] }))
    const sender = await mesh.nodes[0]!.agent('sender')
    const peer = mesh.nodes[1]!.peerId
    await sender.send({ name: 'counter', peer }, 3, EXACTLY_ONCE)
    assert.deepEqual(await Promise.all(counters.map(({ state }) => state.get('total'))), [undefined, 3, undefined])
  })
})
