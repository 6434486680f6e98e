import assert from 'node:assert/strict'
import { createNode } from '../../src/index.ts'
import { hostProcess } from '../kit/host-process.ts'
import { meshOf } from '../kit/mesh.ts'
import { record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

type Scripts = typeof import('./scripts.ts')

const script = new URL('./scripts.ts', import.meta.url)
const who = { type: 'who' }

/** So many that a member is without one in fewer than one run in ten million. */
const KEYS = 64

describe('routing between nodes', function () {
  this.timeout(60_000)

  it('prefers its own node, then its zone, then its region, then whoever there is', async () => {
    const here = { region: 'eu', zone: 'eu-a' }
    await using mesh = await meshOf(
      { name: 'own', ...here },
      { name: 'zone', ...here },
      { name: 'region', region: 'eu', zone: 'eu-b' },
      { name: 'elsewhere', region: 'us', zone: 'us-a' }
    )
    const caller = await mesh.nodes[0].agent('caller')
    const agents = []
    for (const node of mesh.nodes) agents.push(await node.agent('worker', { handle: { who: () => node.name } }))
    for (const [i, node] of mesh.nodes.entries()) {
      const { member, runnersUp } = mesh.nodes[0].explain({ data: 1 }, 'worker')
      assert.deepEqual([member?.peer, runnersUp.length], [String(node.peerId), 3 - i])
      for (let n = 0; n < 5; n++) assert.equal((await caller.request('worker', n, who)).data, node.name)
      await agents[i]!.close()
      await until('the agent to be gone', () => mesh.nodes[0].agents('worker').length === 3 - i)
    }
    await assert.rejects(caller.request('worker', 0, who), { code: 'ERR_NO_RESPONDERS' })
  })

  it('spreads calls over equals by how busy they are, and reaches the one that is asked for', async () => {
    await using mesh = await meshOf({}, {}, {}, {})
    const [client, ...servers] = mesh.nodes
    const gate = Promise.withResolvers<void>()
    const count = new Map(servers.map(({ name }) => [name, 0]))
    for (const { name, agent } of servers.map((node) => ({ name: node.name, agent: node.agent.bind(node) }))) {
      await agent('worker', {
        handle: {
          who: async () => {
            count.set(name, count.get(name)! + 1)
            await gate.promise
            return name
          }
        }
      })
    }
    const caller = await client.agent('caller')
    const replies = Array.from({ length: 90 }, (_, i) => caller.request('worker', i, { ...who, timeout: 20_000 }))
    await until('all to be in work', () => [...count.values()].reduce((sum, n) => sum + n, 0) === 90)
    // Nothing was answered: two choices by calls in flight keep three members within a few of each other.
    for (const [name, calls] of count) assert.ok(calls >= 15, `${name} got ${calls} of 90`)
    gate.resolve()
    await Promise.all(replies)
    for (const { peerId, name } of servers) {
      assert.equal((await caller.request({ name: 'worker', peer: peerId }, 0, who)).data, name)
      assert.equal((await caller.request({ name: 'worker', peer: String(peerId) }, 0, who)).data, name)
    }
  })

  it('measures round trips and load, and leaves alone whom others keep busy', async () => {
    const place = { region: 'eu', zone: 'eu-a' }
    await using client = await createNode({ name: 'client', ...place })
    const bootstrap = client.multiaddrs.map(String)
    const start = (name: string) => hostProcess<Scripts>(script, { name, bootstrap, ...place })
    await using idle = await start('idle')
    await using busy = await start('busy')
    for (const host of [idle, busy]) await host.call('responder', 'worker')
    await until(
      'round trips',
      () => client.peers().length === 2 && client.peers().every(({ rtt }) => rtt !== undefined)
    )
    const caller = await client.agent('caller')
    const ask = async () => (await caller.request('worker', 0, { ...who, timeout: 20_000 })).data
    const isBusy = (): boolean =>
      Array.from({ length: 64 }, () => client.explain({ data: 1 }, 'worker')).every((why) => {
        return why.member?.peer === idle.peerId
      })
    await busy.call('burn', true)
    await until('its load to be known', isBusy, 20_000)
    for (let i = 0; i < 30; i++) assert.equal(await ask(), 'idle')
    // One that is busy is still better than none, in its zone or out of it.
    await idle.kill()
    await until(
      'an answer of the busy one',
      () =>
        ask().then(
          (name) => name === 'busy',
          () => false
        ),
      20_000
    )
  })

  it('opens the circuit of a target that fails, probes it, closes it when it is well, and tells', async () => {
    await using mesh = await meshOf({}, {})
    const [client, server] = mesh.nodes
    let well = false
    await server.agent('patient', {
      handle: {
        who: () => {
          if (well) return 'well'
          return new Promise(() => {})
        }
      }
    })
    const caller = await client.agent('caller')
    const events = record(client.events())
    const ill = Array.from({ length: 5 }, () => caller.request('patient', 0, { ...who, timeout: 100 }))
    for (const failed of await Promise.allSettled(ill)) assert.equal(failed.status, 'rejected')
    const opened = await events.first(({ kind }) => kind === 'circuit-opened')
    assert.deepEqual(opened.kind === 'circuit-opened' && [opened.peer, opened.agent], [
      String(server.peerId),
      'patient'
    ])
    await assert.rejects(caller.request('patient', 0, who), { code: 'ERR_CIRCUIT_OPEN', retryable: true })
    assert.equal(client.explain({ data: 1 }, 'patient').member, undefined)
    well = true
    await until('the circuit to let a call through', () =>
      caller.request('patient', 0, who).then(
        ({ data }) => data === 'well',
        () => false
      )
    )
    const circuit = events.all.filter(({ kind }) => kind.startsWith('circuit-')).map(({ kind }) => kind)
    assert.deepEqual(circuit, ['circuit-opened', 'circuit-half-opened', 'circuit-closed'])
  })

  it('tries a request that was under way elsewhere only where that does no harm', async () => {
    const near = { region: 'eu', zone: 'eu-a' }
    await using mesh = await meshOf(near, { name: 'near', ...near }, { name: 'far', region: 'us', zone: 'us-a' })
    const [client, nearer, farther] = mesh.nodes
    let entered = 0
    await nearer.agent('worker', {
      handle: {
        who: () => {
          entered++
          return new Promise(() => {})
        }
      }
    })
    await farther.agent('worker', { handle: { who: () => 'far' } })
    const caller = await client.agent('caller')
    const once = caller.request('worker', 0, { ...who, timeout: 20_000 })
    const again = caller.request('worker', 0, { ...who, timeout: 20_000, idempotent: true })
    const refused = assert.rejects(once, { code: 'ERR_LINK_CLOSED', retryable: true })
    await until('both to be in work', () => entered === 2)
    await nearer.stop({ drain: false })
    await refused
    assert.equal((await again).data, 'far')
  })

  it('brings messages with one key to one member, in order', async () => {
    await using mesh = await meshOf({}, {}, {})
    const [client, ...servers] = mesh.nodes
    const handled = new Map<string, [string, number][]>()
    for (const node of servers) {
      for (let i = 0; i < 2; i++) {
        const log: [string, number][] = []
        const agent = await node.agent('keeper', { receive: ({ data }) => void log.push(data) })
        handled.set(agent.instance, log)
      }
    }
    await until('all members', () => client.agents('keeper').length === 4)
    const sender = await client.agent('sender')
    const sends = []
    for (let n = 0; n < 8; n++) {
      for (let key = 0; key < KEYS; key++) {
        sends.push(sender.send('keeper', [`key-${key}`, n], { key: `key-${key}`, delivery: 'at-least-once' }))
      }
    }
    await Promise.all(sends)
    const owners = new Map<string, Set<string>>()
    for (const [instance, log] of handled) {
      assert.ok(log.length > 0, 'a member without a key')
      for (const [key] of log) owners.set(key, (owners.get(key) ?? new Set()).add(instance))
      for (const key of new Set(log.map(([key]) => key))) {
        const numbers = log.filter(([of]) => of === key).map(([, n]) => n)
        assert.deepEqual(
          numbers,
          Array.from({ length: 8 }, (_, i) => i)
        )
      }
    }
    assert.equal(owners.size, KEYS)
    for (const instances of owners.values()) assert.equal(instances.size, 1)
  })

  it('brings requests with one key to one member, from every node, its own too', async () => {
    await using mesh = await meshOf({}, {})
    const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`)
    for (const node of mesh.nodes) {
      for (let i = 0; i < 3; i++) {
        const agent = await node.agent('keeper')
        agent.handle('who', () => agent.instance)
      }
    }
    await until('all members', () => mesh.nodes.every((node) => node.agents('keeper').length === 6))
    const owners = new Map<string, Set<string>>(keys.map((key) => [key, new Set()]))
    for (const node of mesh.nodes) {
      const caller = await node.agent('caller')
      const asked = keys.flatMap((key) => [key, key, key])
      const replies = await Promise.all(asked.map((key) => caller.request('keeper', 0, { ...who, key })))
      for (const [i, { data }] of replies.entries()) owners.get(asked[i]!)!.add(data)
    }
    for (const [key, instances] of owners) assert.equal(instances.size, 1, `${key} went to ${[...instances]}`)
    assert.ok(new Set([...owners.values()].flatMap((instances) => [...instances])).size > 2)
  })
})
