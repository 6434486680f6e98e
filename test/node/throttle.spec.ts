import assert from 'node:assert/strict'
import { fateOf, withMesh } from '../agent/ground.ts'

describe('a burst of requests beyond what their agent answers', () => {
  for (const [where, caller] of [
    ['on the same node', 0],
    ['on another node', 1]
  ] as const) {
    it(`waits where it comes from, ${where}: nobody is refused, and none overtakes another`, async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        const asked: number[] = []
        worker.handle('work', async ({ data }) => {
          asked.push(data)
          await new Promise<void>((resolve) => waits.push(resolve))
          return data
        })
        const waits: (() => void)[] = []
        const agent = await mesh.run(mesh.nodes[caller]!.agent('caller'))
        const fates = Array.from({ length: 5_000 }, (_, i) =>
          fateOf(agent.request('worker', i, { type: 'work', timeout: 600_000 }))
        )
        await mesh.advance(100)
        assert.equal(asked.length, 256)
        assert.ok(mesh.nodes[caller]!.counters().throttled >= 5_000 - 1_024)
        for (let round = 0; round < 200 && fates.some(({ status }) => status === 'pending'); round++) {
          for (const resolve of waits.splice(0)) resolve()
          await mesh.advance(10)
        }
        assert.ok(fates.every(({ status }) => status === 'fulfilled'))
        assert.deepEqual(
          asked,
          Array.from({ length: 5_000 }, (_, i) => i)
        )
      })
    })
  }

  it('waits no longer than its caller, and is forgotten with it', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const never = () => new Promise(() => {})
      await mesh.run(mesh.nodes[0]!.agent('worker', { handle: { stuck: never, well: ({ data }) => data } }))
      const agent = await mesh.run(mesh.nodes[1]!.agent('caller'))
      const fates = Array.from({ length: 3_000 }, (_, i) => fateOf(agent.request('worker', i, { type: 'stuck' })))
      await mesh.advance(5_100)
      assert.ok(fates.every(({ code }) => code === 'ERR_TIMEOUT'))
      // The circuit is open now, which is another matter; once it lets a probe through, all is well.
      await mesh.advance(60_000)
      assert.equal((await mesh.run(agent.request('worker', 7, { type: 'well' }))).data, 7)
    })
  })

  it('holds up nothing else that its agent does', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
      let done = 0
      const slow = async () => {
        await mesh.sleep(100)
        done++
      }
      worker.receive('slow', slow, { concurrency: 8 })
      worker.handle('status', ({ data }) => data)
      const agent = await mesh.run(mesh.nodes[1]!.agent('caller'))
      let open = 0
      const feed = (): void => {
        for (; open < 3_000; open++) {
          void agent.send('worker', 0, { type: 'slow', delivery: 'at-least-once', ordering: 'none' }).finally(() => {
            open--
          })
        }
      }
      for (let second = 0; second < 60; second++) {
        feed()
        const status = fateOf(agent.request('worker', second, { type: 'status', timeout: 900 }))
        await mesh.advance(1_000)
        assert.equal(status.status, 'fulfilled', `at ${second} s, after ${done}`)
      }
      assert.ok(done > 4_000, `${done} done`)
    })
  })
})

describe('streams that go on for long', () => {
  it('use up nobody’s room, however many they are', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
      const watch = async function* (_message: unknown, { signal }: { signal: AbortSignal }) {
        yield 1
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      }
      worker.handle('watch', watch, { concurrency: 10_000 })
      const agent = await mesh.run(mesh.nodes[1]!.agent('caller'))
      let first = 0
      const leave = new AbortController()
      const { signal } = leave
      const readers = Array.from({ length: 1_500 }, async (_, i) => {
        for await (const _part of agent.stream('worker', i, { type: 'watch', signal })) first++
      })
      const left = Promise.allSettled(readers)
      await mesh.advance(1_000)
      assert.equal(first, 1_500)
      leave.abort()
      await mesh.run(left)
    })
  })

  it('are told when their reader leaves at the first part', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const ended: string[] = []
      const count = async function* (_message: unknown, { signal }: { signal: AbortSignal }) {
        try {
          for (let i = 0; ; i++) yield i
        } finally {
          ended.push(String(signal.aborted))
        }
      }
      await mesh.run(mesh.nodes[0]!.agent('worker', { handle: { count } }))
      for (const host of [0, 1]) {
        const agent = await mesh.run(mesh.nodes[host]!.agent('caller'))
        await mesh.run(
          (async () => {
            for await (const _ of agent.stream('worker', 0, { type: 'count' })) break
          })()
        )
        await mesh.advance(100)
      }
      assert.deepEqual(ended, ['true', 'true'])
    })
  })
})
