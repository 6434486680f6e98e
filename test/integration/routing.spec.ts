import assert from 'node:assert/strict'
import { meshOf } from '../kit/mesh.ts'
import { record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

const who = { type: 'who' }

describe('routing between nodes', function () {
  this.timeout(30_000)

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
})
