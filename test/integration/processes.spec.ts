import assert from 'node:assert/strict'
import { createNode, type MeshError, type Node } from '../../src/index.ts'
import { type HostProcess, hostProcess } from '../kit/host-process.ts'
import { collect, record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

type Scripts = typeof import('./scripts.ts')
type Host = HostProcess<Scripts>

const script = new URL('./scripts.ts', import.meta.url)

describe('five node processes that join through one bootstrap peer', function () {
  this.timeout(60_000)
  let gateway: Node
  let hosts: Host[]
  const startHost = (name: string): Promise<Host> =>
    hostProcess<Scripts>(script, { name, bootstrap: gateway.multiaddrs.map(String) })

  before(async () => {
    gateway = await createNode({ name: 'gateway' })
    hosts = await Promise.all(['one', 'two', 'three', 'four'].map(startHost))
    await gateway.ready({ peers: 4, timeout: 30_000 })
  })
  after(async () => {
    await Promise.all(hosts.map((host) => host.kill()))
    await gateway.stop({ drain: false })
  })

  it('know each other, and find each other’s agents', async () => {
    const everybody = new Set([String(gateway.peerId), ...hosts.map(({ peerId }) => peerId)])
    assert.equal(everybody.size, 5)
    for (const host of hosts) {
      await until('four peers', async () => (await host.call('peers')).length === 4)
      assert.deepEqual(new Set([host.peerId, ...(await host.call('peers'))]), everybody)
    }
    await hosts[0]!.call('responder', 'calculator')
    for (const host of hosts) {
      assert.deepEqual(await host.call('agents', 'calculator'), [hosts[0]!.peerId])
      assert.equal(await host.call('ask', 'calculator', 'add', [1, 2, 3]), 6)
    }
    assert.deepEqual(
      gateway.agents('calculator').map(({ host }) => host),
      ['one']
    )
  })

  it('send point to point with either guarantee, and stream replies', async () => {
    await hosts[1]!.call('receiver', 'ledger')
    const sender = await gateway.agent('bookkeeper')
    const sent = await sender.send('ledger', 1, { delivery: 'at-most-once' })
    const delivered = await sender.send('ledger', 2, { delivery: 'at-least-once' })
    assert.deepEqual([sent.status, delivered.status, delivered.attempts], ['sent', 'delivered', 1])
    assert.deepEqual([delivered.transport, delivered.route, delivered.peer], ['tcp', 'direct', hosts[1]!.peerId])
    assert.deepEqual(await hosts[1]!.call('received'), [1, 2])
    const parts = await collect(sender.stream('calculator', 200, { type: 'count' }))
    assert.deepEqual(
      parts.map(({ data }) => data),
      Array.from({ length: 200 }, (_, i) => i)
    )
  })

  it('share a group’s load; when a member is killed in mid-stream another gets what it had not acknowledged', async () => {
    const [victim, ...others] = [hosts[3]!, hosts[1]!, hosts[2]!]
    for (const host of [victim, ...others]) await host.call('receiver', 'group', 2)
    const sender = await gateway.agent('crowd')
    const events = record(gateway.events())
    const numbers = Array.from({ length: 600 }, (_, i) => 1_000 + i)
    const receipts = numbers.map((n) => sender.send('group', n, { delivery: 'at-least-once', maxRetries: 10 }))
    await until('work at the victim', async () => (await victim.call('received')).length > 20)
    await victim.kill()
    const settled = await Promise.all(receipts)
    assert.ok(settled.every(({ status }) => status === 'delivered'))
    assert.ok(settled.some(({ attempts }) => attempts > 1))
    assert.equal(new Set(settled.map(({ peer }) => peer)).size, 3)
    const there = new Set((await Promise.all(others.map((host) => host.call('received')))).flat())
    const acknowledgedByTheDead = settled.filter(({ peer }) => peer === victim.peerId).length
    assert.ok(acknowledgedByTheDead > 0)
    const missing = numbers.filter((n, i) => !there.has(n) && settled[i]!.peer !== victim.peerId)
    assert.deepEqual(missing, [])
    const left = await events.first(({ kind }) => kind === 'peer-left')
    assert.equal(left.kind === 'peer-left' && left.peer, victim.peerId)
    await until('its agents to be gone', () => gateway.agents('group').length === 2)
  })

  it('tell the owner what a pipeline had not finished when the host that coordinated it was killed', async () => {
    const [coordinator, worker] = [hosts[0]!, hosts[1]!]
    await worker.call('abyss', 'abyss')
    await coordinator.call('pipeline', 'doomed', 'work', 'abyss')
    const feed = gateway.pipelines.get('doomed')
    const failures = Promise.all(
      ['a', 'b'].map((item) => feed.send(item, { timeout: 60_000 }).catch((error: MeshError) => error))
    )
    await until('both items to be in flight', async () => (await feed.stats()).inFlight === 2)
    await coordinator.kill()
    const errors = await failures
    assert.deepEqual(
      errors.map(({ code, details }) => [code, details?.reason, details?.unfinished]),
      [
        ['ERR_PIPELINE', 'coordinator-lost', ['a']],
        ['ERR_PIPELINE', 'coordinator-lost', ['b']]
      ]
    )
  })

  it('notice a farewell at once, with its reason', async () => {
    const leaver = await startHost('leaver')
    await until('the newcomer', () => gateway.peers().some(({ name }) => name === 'leaver'))
    const events = record(gateway.events())
    await leaver.call('stop', true, 3_000)
    const left = await events.first((event) => event.kind === 'peer-left' && event.name === 'leaver')
    assert.equal(left.kind === 'peer-left' && left.reason, 'left')
    await leaver.kill()
  })
})
