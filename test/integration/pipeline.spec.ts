import assert from 'node:assert/strict'
import { pipe } from 'it-pipe'
import type { Node } from '../../src/index.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { numbers } from '../kit/numbers.ts'
import { collect, record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

describe('a pipeline across hosts', function () {
  this.timeout(30_000)
  let mesh: Mesh<[object, object, object]>
  let a: Node
  let b: Node
  let c: Node

  before(async () => {
    mesh = await meshOf({}, {}, {})
    ;[a, b, c] = mesh.nodes
    await b.agent('doubler', { handle: { double: ({ data }) => data * 2, triple: ({ data }) => data * 3 } })
    await c.agent('namer', { handle: { name: ({ data }) => `item ${data}` } })
  })
  after(() => mesh[Symbol.asyncDispose]())

  it('keeps the order of its inputs, works on as many at once as it is told, and counts', async () => {
    let inWork = 0
    let most = 0
    await b.agent('shuffler', {
      handle: {
        shuffle: async ({ data }) => {
          most = Math.max(most, ++inWork)
          // The later of each eight finish first.
          await new Promise((resolve) => setTimeout(resolve, (8 - (data % 8)) * 2))
          inWork--
          return data
        }
      }
    })
    const stages = [
      { name: 'shuffle', agent: 'shuffler', concurrency: 8 },
      { name: 'name', agent: 'namer', concurrency: 4 }
    ]
    await using pipeline = await a.pipeline('shuffled', { stages })
    assert.deepEqual(
      await collect(pipeline.process(numbers(200))),
      numbers(200).map((i) => `item ${i}`)
    )
    assert.equal(most, 8)
    const { entered, completed, stages: counted } = pipeline.stats()
    assert.deepEqual([entered, completed], [200, 200])
    assert.deepEqual(
      counted.map((stage) => [stage.name, stage.in, stage.out, stage.failed]),
      [
        ['shuffle', 200, 200, 0],
        ['name', 200, 200, 0]
      ]
    )
  })

  it('slows its source by its last stage: what is pulled ahead is bounded end to end', async () => {
    const gate = Promise.withResolvers<void>()
    await b.agent('quick', { handle: { pass: ({ data }) => data } })
    await c.agent('sluggish', {
      handle: {
        sink: async ({ data }) => {
          await gate.promise
          return data
        }
      }
    })
    const stages = [
      { name: 'pass', agent: 'quick', concurrency: 8 },
      { name: 'sink', agent: 'sluggish', concurrency: 2 }
    ]
    await using pipeline = await a.pipeline('dammed', { stages, highWatermark: 20 })
    let pulled = 0
    function* source() {
      for (; pulled < 500; pulled++) yield pulled
    }
    const results = collect(pipeline.process(source()))
    await until('the dam to fill', () => pulled >= 18)
    // Nothing leaves, so nothing enters: longer than all 500 would have taken.
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.ok(pulled <= 21, `${pulled} were pulled`)
    gate.resolve()
    assert.deepEqual(await results, numbers(500))
  })

  it('stands in the middle of a pipe of it-pipe', async () => {
    await using pipeline = await a.pipeline('piped', { stages: [{ name: 'double', agent: 'doubler' }] })
    const doubled = await pipe(numbers(50), pipeline, (results) => collect(results))
    assert.deepEqual(
      doubled,
      numbers(50).map((i) => i * 2)
    )
  })

  it('retries, skips and keeps aside, and loses nothing else', async () => {
    const failures = new Map<number, number>()
    await c.agent('moody', {
      handle: {
        work: ({ data }) => {
          const failed = failures.get(data) ?? 0
          failures.set(data, failed + 1)
          if (data % 10 === 3 && failed < 2) throw new Error('not yet')
          return data
        },
        refuse: ({ data }) => {
          if (data % 10 === 4) throw new Error('never')
          return data
        },
        reject: ({ data }) => {
          if (data % 10 === 5) throw new Error('never either')
          return data
        }
      }
    })
    const events = record(a.events())
    const stages = [
      { name: 'work', agent: 'moody', concurrency: 4, onError: 'retry', retries: 3, retryDelay: 5 },
      { name: 'refuse', agent: 'moody', concurrency: 4, onError: 'skip' },
      { name: 'reject', agent: 'moody', concurrency: 4, onError: 'dead-letter' }
    ] as const
    await using pipeline = await a.pipeline('moods', { stages })
    const results = await collect(pipeline.process(numbers(40)))
    assert.deepEqual(
      results,
      numbers(40).filter((i) => i % 10 !== 4 && i % 10 !== 5)
    )
    assert.deepEqual(
      pipeline.deadLetters().map(({ item }) => item),
      [5, 15, 25, 35]
    )
    assert.equal(pipeline.stats().stages[0]!.retried, 8)
    await events.first(({ kind }) => kind === 'pipeline-dead-letter')
  })

  it('stops with ERR_PIPELINE, naming the stage, the item and what was in flight', async () => {
    await c.agent('stopper', {
      handle: {
        stop: ({ data }) => {
          if (data === 7) throw Object.assign(new Error('seven'), { code: 'E_SEVEN' })
          return data
        }
      }
    })
    await using pipeline = await a.pipeline('stopped', {
      stages: [{ name: 'stop', agent: 'stopper', onError: 'stop' }]
    })
    const results: unknown[] = []
    const run = async (): Promise<void> => {
      for await (const result of pipeline.process(numbers(20))) results.push(result)
    }
    await assert.rejects(run(), (error: Error & { code: string; cause: unknown; details: Record<string, unknown> }) => {
      assert.deepEqual([error.code, error.details.stage, error.details.sequence], ['ERR_PIPELINE', 'stop', 7])
      assert.equal((error.cause as { code: string }).code, 'E_SEVEN')
      assert.ok((error.details.unfinished as number[]).includes(7))
      return true
    })
    assert.deepEqual(results, numbers(7))
  })

  it('is reconfigured while it runs, in order', async () => {
    await using pipeline = await a.pipeline('changing', {
      stages: [{ name: 'double', agent: 'doubler', concurrency: 4 }]
    })
    async function* source(): AsyncGenerator<number> {
      for (let i = 1; i <= 100; i++) {
        if (i === 51) await pipeline.reconfigure({ stages: [{ name: 'triple', agent: 'doubler', concurrency: 2 }] })
        yield i
      }
    }
    const expected = Array.from({ length: 100 }, (_, i) => (i < 50 ? (i + 1) * 2 : (i + 1) * 3))
    assert.deepEqual(await collect(pipeline.process(source())), expected)
  })

  it('is fed by its id from any host', async () => {
    await using pipeline = await a.pipeline('fed', { stages: [{ name: 'double', agent: 'doubler', concurrency: 4 }] })
    const feeds = mesh.nodes.map((node) => node.pipelines.get('fed'))
    const results = await Promise.all(numbers(60).map((i) => feeds[i % 3]!.send(i)))
    assert.deepEqual(
      results,
      numbers(60).map((i) => i * 2)
    )
    assert.equal((await feeds[2]!.stats()).completed, 60)
    await assert.rejects(c.pipelines.get('unheard-of').send(1), { code: 'ERR_NO_RESPONDERS' })
    await assert.rejects(b.pipeline('fed', { stages: [{ name: 'double', agent: 'doubler' }] }), {
      code: 'ERR_ALREADY_REGISTERED'
    })
    await pipeline.close()
    await assert.rejects(feeds[1]!.send(1), (error: { code: string }) =>
      ['ERR_NO_RESPONDERS', 'ERR_STOPPED'].includes(error.code)
    )
  })

  it('pulls no further than its watermark when nobody takes its results', async () => {
    await using pipeline = await a.pipeline('bounded', {
      stages: [{ name: 'double', agent: 'doubler', concurrency: 4 }],
      highWatermark: 20
    })
    let pulled = 0
    function* endless(): Generator<number> {
      for (;;) yield pulled++
    }
    const results = pipeline.process(endless())
    assert.equal((await results.next()).value, 0)
    await until('the pipeline to be full', () => pipeline.stats().inFlight === 0 && pulled >= 20)
    assert.ok(pulled <= 22, `${pulled} items pulled`)
    await results.return()
  })
})
