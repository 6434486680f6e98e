import assert from 'node:assert/strict'
import type { Inbox } from '../../src/agent/inbox.ts'
import { AgentRegistry } from '../../src/node/registry.ts'
import type { Inbound } from '../../src/runtime/delivery/inbound.ts'

/** A group of instances with so much to do each; what they get, and how often they were asked. */
function group(pending: number[]) {
  const registry = new AgentRegistry('self', 1_000)
  const got: number[] = pending.map(() => 0)
  let asked = 0
  const agents = pending.map((_, i) => {
    const inbox = {
      get pending() {
        asked++
        return pending[i]!
      },
      deliver: () => {
        got[i]!++
        pending[i]!++
      }
    }
    return { name: 'worker', instance: `${i}`, inbox: inbox as unknown as Inbox }
  })
  for (const agent of agents) registry.add(agent)
  const deliver = () => registry.deliver({ target: 'worker', message: {} } as Inbound)
  return { registry, agents, got, deliver, asked: () => asked }
}

describe('the agents of a node', () => {
  it('gives a message to the instance with the least to do', () => {
    const { got, deliver } = group([5, 3, 0, 4])
    for (let i = 0; i < 4; i++) deliver()
    assert.deepEqual(got, [0, 1, 3, 0])
  })

  it('shares evenly among equals', () => {
    const { got, deliver } = group(Array<number>(100).fill(7))
    for (let i = 0; i < 500; i++) deliver()
    assert.ok(Math.min(...got) >= 3 && Math.max(...got) <= 7, `${got}`)
  })

  it('asks no more of them however large the group is', () => {
    const { deliver, asked } = group(Array<number>(500).fill(7))
    for (let i = 0; i < 100; i++) deliver()
    assert.ok(asked() <= 100 * 8, `${asked()}`)
  })

  it('knows a name until its last instance is gone', () => {
    const { registry, agents } = group([0, 0])
    const [first, second] = agents
    registry.remove(first!)
    assert.deepEqual([registry.has('worker'), registry.size], [true, 1])
    registry.remove(first!)
    registry.remove(second!)
    assert.deepEqual([registry.has('worker'), registry.size], [false, 0])
  })
})
