import assert from 'node:assert/strict'
import type { Agent } from '../../src/index.ts'
import { withMesh } from '../agent/ground.ts'

/** A little less than the least that goes on the bulk lane, and a little more, as it is written. */
const SMALL = { text: 'x'.repeat(65_000) }
const LARGE = { text: 'x'.repeat(66_000) }

const WAYS: Record<string, (sender: Agent, data: unknown) => Promise<unknown>> = {
  'at-most-once': (sender, data) => sender.send('worker', data, { delivery: 'at-most-once' }),
  'at-least-once': (sender, data) => sender.send('worker', data, { delivery: 'at-least-once' }),
  request: (sender, data) => sender.request('worker', data, { type: 'ask' })
}

describe('the lane of a message', () => {
  for (const [way, send] of Object.entries(WAYS)) {
    it(`is that of its size as it is written, whatever it is made of, as explain says: ${way}`, async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        await mesh.run(mesh.nodes[1]!.agent('worker', { receive: () => {}, handle: { ask: () => 1 } }))
        const sender = await mesh.run(mesh.nodes[0]!.agent('sender'))
        const opened = async (data: unknown): Promise<string[]> => {
          const before = mesh.trace.lines.length
          await mesh.run(send(sender, data))
          await mesh.advance(100)
          const lines = mesh.trace.lines.slice(before)
          return lines.flatMap((line) => line.match(/open \/phoenix\/(?:point|request)\S+\/(\w+) /)?.[1] ?? [])
        }
        assert.deepEqual(await opened(SMALL), ['normal'])
        assert.deepEqual(await opened(LARGE), ['bulk'])
        const lanes = [SMALL, LARGE].map((data) => mesh.nodes[0]!.explain({ data }, 'worker').lane.chosen)
        assert.deepEqual(lanes, ['normal', 'bulk'])
      })
    })
  }
})
