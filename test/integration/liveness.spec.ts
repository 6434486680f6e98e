import assert from 'node:assert/strict'
import { createNode, type Node } from '../../src/index.ts'
import { type HostProcess, hostProcess } from '../kit/host-process.ts'
import { type Recording, record } from '../kit/record.ts'
import { until } from '../kit/until.ts'
import { block } from './scripts.ts'

type Scripts = typeof import('./scripts.ts')
type Events = Recording<{ kind: string; at: number; peer?: string; reason?: string }>

const script = new URL('./scripts.ts', import.meta.url)
/** ms; far above what a busy machine delays, far below the test's own bound. */
const limits = { failureTimeout: 3_000 }

describe('a peer that falls silent', function () {
  this.timeout(60_000)
  let node: Node
  let host: HostProcess<Scripts>
  let events: Events

  beforeEach(async () => {
    node = await createNode({ name: 'witness', limits })
    host = await hostProcess<Scripts>(script, { name: 'silent', bootstrap: node.multiaddrs.map(String), limits })
    await node.ready()
    await host.call('responder', 'worker')
    events = record(node.events()) as Events
  })
  afterEach(async () => {
    await host.kill()
    await node.stop({ drain: false })
  })

  it('is dead to the others when its process is killed, and its agents are gone', async () => {
    await host.kill()
    const left = await events.first(({ kind }) => kind === 'peer-left')
    assert.deepEqual([left.peer, left.reason], [host.peerId, 'dead'])
    const down = await events.first(({ kind }) => kind === 'agent-down')
    assert.equal(down.peer, host.peerId)
    assert.deepEqual([node.peers(), node.agents('worker')], [[], []])
  })

  it('is dead to the others when it is frozen with its sockets open, and back when it thaws', async () => {
    const caller = await node.agent('caller')
    assert.equal((await caller.request('worker', 0, { type: 'who' })).data, 'silent')
    host.freeze()
    const pending = assert.rejects(caller.request('worker', 0, { type: 'who', timeout: 60_000 }), {
      code: 'ERR_LINK_CLOSED'
    })
    await events.first(({ kind }) => kind === 'peer-suspect')
    const left = await events.first(({ kind }) => kind === 'peer-left')
    assert.equal(left.peer, host.peerId)
    await pending
    await assert.rejects(caller.request('worker', 0, { type: 'who' }), { code: 'ERR_NO_RESPONDERS' })
    host.thaw()
    await events.first(({ kind }) => kind === 'peer-joined')
    await until('its agent to be known again', () => node.agents('worker').length === 1)
    assert.equal((await caller.request('worker', 0, { type: 'who', timeout: 20_000 })).data, 'silent')
    assert.equal(await host.call('ask', 'worker', 'add', [1, 2]), 3)
  })

  it('is not dead while an event loop stands still for less than the bound, its own or the other’s', async () => {
    const stall = 0.4 * limits.failureTimeout
    const caller = await node.agent('caller')
    await host.call('watch')
    for (let round = 0; round < 3; round++) {
      const blocked = host.call('block', stall)
      assert.equal((await caller.request('worker', 0, { type: 'who', timeout: 20_000 })).data, 'silent')
      await blocked
      block(node, stall)
      assert.equal((await caller.request('worker', 0, { type: 'who', timeout: 20_000 })).data, 'silent')
    }
    assert.deepEqual(await host.call('whoLeft'), [])
    assert.deepEqual(
      events.all.filter(({ kind }) => kind === 'peer-left'),
      []
    )
  })

  it('does not hold up a node that stops', async () => {
    const sender = await node.agent('sender')
    host.freeze()
    const unfinished = sender.send('worker', 1, { delivery: 'at-least-once', maxRetries: 100 })
    const told = assert.rejects(unfinished)
    await node.stop({ drain: true, timeout: 1_000 })
    await told
    assert.equal(node.state, 'stopped')
  })
})
