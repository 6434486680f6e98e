import assert from 'node:assert/strict'
import type { Context } from '../../src/agent/types.ts'
import { fateOf, gate, withMesh } from './ground.ts'

const ACKNOWLEDGED = { delivery: 'at-least-once', maxRetries: 0 } as const
const ONCE = { delivery: 'at-most-once' } as const
const reasonOf = ({ signal }: Context): unknown => signal.reason?.code

describe('the signal of a message being handled', () => {
  it('aborts when the sender dies, also of what still waits, and only where it waited', async () => {
    await withMesh({ nodes: 3 }, async (mesh) => {
      const contexts = new Map<string, Context>()
      const held = gate()
      const receive = async ({ data }: { data: string }, context: Context): Promise<void> => {
        contexts.set(data, context)
        if (data !== 'next') assert.equal(context.signal.aborted, false)
        await held.passed
      }
      const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
      for (const type of ['acknowledged', 'other', 'once']) worker.receive(type, receive)
      const dying = await mesh.run(mesh.nodes[1]!.agent('dying'))
      const living = await mesh.run(mesh.nodes[2]!.agent('living'))
      void fateOf(dying.send('worker', 'first', { ...ACKNOWLEDGED, type: 'acknowledged' }))
      void fateOf(dying.send('worker', 'next', { ...ACKNOWLEDGED, type: 'acknowledged' }))
      void fateOf(dying.send('worker', 'once', { ...ONCE, type: 'once' }))
      const other = fateOf(living.send('worker', 'other', { ...ACKNOWLEDGED, type: 'other' }))
      await mesh.advance(100)
      assert.deepEqual([...contexts.keys()].sort(), ['first', 'once', 'other'])
      mesh.crash(1)
      await mesh.advance(100)
      assert.equal(reasonOf(contexts.get('first')!), 'ERR_LINK_CLOSED')
      assert.equal(contexts.get('other')!.signal.aborted, false)
      assert.equal(contexts.get('once')!.signal.aborted, false, 'nobody waited for it in the first place')
      held.open()
      await mesh.advance(100)
      assert.equal(reasonOf(contexts.get('next')!), 'ERR_LINK_CLOSED')
      assert.equal(other.status, 'fulfilled')
    })
  })

  it('aborts when its node stops and drains no longer, whoever sent it', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const contexts: Context[] = []
      const receive = async (_: unknown, context: Context): Promise<void> => {
        contexts.push(context)
        await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
      }
      const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
      for (const type of ['near', 'far', 'once']) worker.receive(type, receive)
      const far = await mesh.run(mesh.nodes[1]!.agent('far'))
      const near = await mesh.run(mesh.nodes[0]!.agent('near'))
      void fateOf(near.send('worker', 0, { ...ACKNOWLEDGED, type: 'near' }))
      void fateOf(far.send('worker', 0, { ...ACKNOWLEDGED, type: 'far' }))
      void fateOf(far.send('worker', 0, { ...ONCE, type: 'once' }))
      await mesh.advance(100)
      const stopped = fateOf(mesh.nodes[0]!.stop({ drain: true, timeout: 3_000 }))
      await mesh.advance(1_500)
      assert.deepEqual([contexts.length, contexts.filter(({ signal }) => signal.aborted).length], [3, 0])
      await mesh.advance(3_000)
      assert.equal(stopped.status, 'fulfilled')
      assert.deepEqual(contexts.map(reasonOf), Array(3).fill('ERR_STOPPED'))
    })
  })
})
