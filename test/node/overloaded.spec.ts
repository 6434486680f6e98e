import assert from 'node:assert/strict'
import type { Receipt } from '../../src/index.ts'
import { assemble } from '../../src/node/assemble.ts'
import { resolveConfig } from '../../src/node/config.ts'
import type { Clock } from '../../src/runtime/ports.ts'
import { World } from '../../src/testing/world.ts'

/** ms by which the event loop of an overloaded node is late: more than `LOOP_OVERLOAD` lets pass. */
const LATE = 300

/** Two nodes; the timers of the receiver fire late while `load.late` is set, as on an event loop that cannot keep up. */
async function ground() {
  const world = new World({ seed: 7, latency: [1, 1], disks: { syncLatency: [1, 1] } })
  const { time } = world
  const load = { late: 0 }
  const { address, ...there } = await world.place('receiver')
  const clock: Clock = {
    now: () => there.clock.now(),
    monotonic: () => there.clock.monotonic(),
    after: (ms, fn) => there.clock.after(ms + load.late, fn),
    endOfTurn: (fn) => there.clock.endOfTurn(fn)
  }
  const receiver = await time.run(
    assemble(resolveConfig({ name: 'receiver' }), { ...there, clock, load: () => 0 }),
    60_000
  )
  const bootstrap = [address]
  const { address: _, ...here } = await world.place('sender')
  const sender = await time.run(assemble(resolveConfig({ name: 'sender', bootstrap }), here), 60_000)
  await time.run(sender.ready(), 60_000)
  return { time, receiver, sender, load }
}

describe('a node that is overloaded', () => {
  it('costs a durable message no attempt: it waits until the node takes it, and is no dead letter', async () => {
    const { time, receiver, sender, load } = await ground()
    const heard: unknown[] = []
    await time.run(receiver.agent('worker', { receive: ({ data }) => void heard.push(data) }), 60_000)
    const agent = await time.run(sender.agent('sender'), 60_000)
    load.late = LATE
    await time.advance(5_000)
    const ends: (Receipt | Error)[] = []
    const options = { delivery: 'at-least-once', durable: true, ordering: 'none' } as const
    const receipt = await time.run(agent.send('worker', 1, options), 60_000)
    receipt.settled.then(
      (end) => ends.push(end),
      (error) => ends.push(error)
    )
    await time.advance(120_000)
    assert.ok(receiver.counters().shed > 4, `${receiver.counters().shed} refusals`)
    assert.deepEqual([ends, heard], [[], []])
    load.late = 0
    const end = await time.run(receipt.settled, 120_000)
    assert.deepEqual([end.status, heard], ['delivered', [1]])
    assert.ok(end.attempts > 4, `${end.attempts} attempts`)
    await time.run(Promise.all([sender.stop(), receiver.stop()]), 60_000)
  })
})
