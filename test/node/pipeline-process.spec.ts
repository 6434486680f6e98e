import assert from 'node:assert/strict'
import { pipe } from 'it-pipe'
import { MeshError } from '../../protocols/errors.ts'
import { collect, settle, setUp } from './pipeline-fakes.ts'

const wait = (signal: AbortSignal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

function numbers(count: number) {
  const source = {
    pulled: 0,
    returned: 0,
    async *[Symbol.asyncIterator]() {
      try {
        while (source.pulled < count) yield source.pulled++
      } finally {
        source.returned++
      }
    }
  }
  return source
}

describe('node/pipeline: process', () => {
  it('yields the last stage’s results in the order of the source', async () => {
    const { mesh, pipelines } = setUp()
    // Even items take longer, so that answers come out of order.
    mesh.stage('adder', 'add', async (n: number) => {
      if (n % 2 === 0) await settle()
      return n + 1
    })
    mesh.stage('doubler', 'double', (n: number) => n * 2)
    const pipeline = await pipelines.create('p', {
      stages: [
        { name: 'add', agent: 'adder', concurrency: 8 },
        { name: 'double', agent: 'doubler' }
      ]
    })
    const results = await collect(pipeline.process(numbers(100)))
    assert.deepEqual(
      results,
      Array.from({ length: 100 }, (_, n) => (n + 1) * 2)
    )
    const { entered, completed, inFlight, stages } = pipeline.stats()
    assert.deepEqual([entered, completed, inFlight], [100, 100, 0])
    for (const stage of stages) assert.deepEqual([stage.in, stage.out, stage.latency.count], [100, 100, 100])
  })

  it('is a transform of it-pipe, from sync and async sources', async () => {
    const { mesh, pipelines } = setUp()
    mesh.stage('doubler', 'double', (n: number) => n * 2)
    const pipeline = await pipelines.create('p', { stages: [{ name: 'double', agent: 'doubler' }] })
    assert.deepEqual(await pipe([1, 2, 3], pipeline, collect), [2, 4, 6])
    assert.deepEqual(await pipe(numbers(3), pipeline, pipeline.process, collect), [0, 4, 8])
  })

  it('says what a stage is called for: pipeline, run and sequence, type, timeout', async () => {
    const { mesh, pipelines } = setUp()
    mesh.stage('a', 'one', (n) => n)
    mesh.stage('b', 'two', (n) => n)
    const pipeline = await pipelines.create('p', {
      stages: [
        { name: 'one', agent: 'a', timeout: 70 },
        { name: 'two', agent: 'b' }
      ]
    })
    await collect(pipeline.process(['x', 'y']))
    const calls = mesh.calls.map(({ options }) => options)
    assert.deepEqual(new Set(calls.map(({ type, timeout }) => `${type} ${timeout}`)), new Set(['one 70', 'two 5000']))
    const [run] = calls[0]!.routing.correlation!.split('/')
    assert.match(run!, /^[0-9a-f]{16}$/)
    for (const { routing } of calls) assert.deepEqual([routing.pattern, routing.pipeline], ['pipeline', 'p'])
    assert.deepEqual(
      new Set(calls.map(({ type, routing }) => `${type} ${routing.correlation}`)),
      new Set([`one ${run}/0`, `one ${run}/1`, `two ${run}/0`, `two ${run}/1`])
    )
  })

  it('pulls nothing before the first result is asked for, and never more than fits', async () => {
    const { mesh, pipelines } = setUp()
    mesh.stage('a', 'one', (n) => n)
    const pipeline = await pipelines.create('p', { stages: [{ name: 'one', agent: 'a' }], highWatermark: 5 })
    const source = numbers(100)
    const results = pipeline.process(source)
    await settle()
    assert.equal(source.pulled, 0)
    for (let taken = 1; taken <= 50; taken++) {
      assert.equal((await results.next()).value, taken - 1)
      await settle()
      assert.ok(source.pulled <= taken + 5, `${source.pulled} pulled after ${taken} taken`)
    }
    await results.return()
    assert.equal(source.returned, 1)
  })

  it('lets a stuck last stage stop the source', async () => {
    const { mesh, pipelines } = setUp()
    mesh.stage('a', 'one', (n) => n)
    mesh.stage('b', 'two', (_, { signal }) => wait(signal))
    const pipeline = await pipelines.create('p', {
      stages: [
        { name: 'one', agent: 'a' },
        { name: 'two', agent: 'b' }
      ],
      highWatermark: 4
    })
    const source = numbers(100)
    const results = pipeline.process(source)
    void results.next()
    await settle()
    assert.equal(source.pulled, 4)
    assert.deepEqual(
      pipeline.stats().stages.map(({ queued, running }) => [queued, running]),
      [
        [0, 0],
        [3, 1]
      ]
    )
    await pipeline.close({ drain: false })
  })

  it('cancels what is in flight and closes the source when its reader leaves early', async () => {
    const { mesh, pipelines } = setUp()
    const aborted: number[] = []
    mesh.stage('a', 'one', (n: number, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(n))
      return n === 0 ? n : wait(signal)
    })
    const pipeline = await pipelines.create('p', {
      stages: [{ name: 'one', agent: 'a', concurrency: 3 }],
      highWatermark: 10
    })
    const source = numbers(100)
    for await (const result of pipeline.process(source)) {
      assert.equal(result, 0)
      await settle()
      break
    }
    assert.deepEqual(aborted, [3, 2, 1], 'and nothing that waited was started')
    assert.equal(source.returned, 1)
    assert.equal(pipeline.stats().inFlight, 0)
    mesh.stage('a', 'one', (n) => n)
    assert.deepEqual(await collect(pipeline.process([7])), [7], 'the pipeline goes on')
  })

  it('leaves early although the source owes an item', async () => {
    const { mesh, pipelines } = setUp()
    mesh.stage('a', 'one', (n) => n)
    const pipeline = await pipelines.create('p', { stages: [{ name: 'one', agent: 'a' }] })
    async function* silent() {
      yield 1
      await new Promise(() => {})
    }
    for await (const result of pipeline.process(silent())) {
      assert.equal(result, 1)
      break
    }
  })

  it('throws a source’s error after the results of what came before', async () => {
    const { mesh, pipelines } = setUp()
    mesh.stage('a', 'one', async (n) => {
      await settle()
      return n
    })
    const pipeline = await pipelines.create('p', { stages: [{ name: 'one', agent: 'a' }] })
    async function* broken() {
      yield 1
      yield 2
      throw new Error('no more')
    }
    const seen: unknown[] = []
    await assert.rejects(async () => {
      for await (const result of pipeline.process(broken())) seen.push(result)
    }, /no more/)
    assert.deepEqual(seen, [1, 2])
  })

  it('lets several sources share it, each with its own results in order', async () => {
    const { mesh, pipelines } = setUp()
    mesh.stage('a', 'one', (n) => n)
    const pipeline = await pipelines.create('p', {
      stages: [{ name: 'one', agent: 'a', concurrency: 3 }],
      highWatermark: 4
    })
    const [one, two, three] = await Promise.all([
      collect(pipeline.process(numbers(40))),
      collect(pipeline.process(numbers(30))),
      Promise.all(Array.from({ length: 4 }, (_, n) => pipeline.send(n)))
    ])
    assert.deepEqual(one, [...Array(40).keys()])
    assert.deepEqual(two, [...Array(30).keys()])
    assert.deepEqual(three, [0, 1, 2, 3])
  })

  it('retries, and yields as if nothing had happened', async () => {
    const { mesh, pipelines, clock } = setUp()
    mesh.stage('a', 'one', (n: number, { attempt }) => {
      if (n === 1 && attempt <= 3) throw new Error('busy')
      return n
    })
    const pipeline = await pipelines.create('p', { stages: [{ name: 'one', agent: 'a' }] })
    const results = collect(pipeline.process(numbers(3)))
    await clock.advance(10_000)
    assert.deepEqual(await results, [0, 1, 2])
    const [stage] = pipeline.stats().stages
    assert.deepEqual([stage!.failed, stage!.retried, stage!.out], [3, 3, 3])
  })

  it('stop ends it with ERR_PIPELINE naming stage and item, after the results before it', async () => {
    const { mesh, pipelines, events } = setUp()
    const aborted: number[] = []
    mesh.stage('a', 'one', async (n: number, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(n))
      if (n < 2) return n
      await settle()
      if (n === 2) throw new MeshError('ERR_LIMIT', 'too much')
      return wait(signal)
    })
    const stage = { name: 'one', agent: 'a', concurrency: 4, onError: 'stop' } as const
    const pipeline = await pipelines.create('p', { stages: [stage] })
    const source = numbers(10)
    const seen: unknown[] = []
    await assert.rejects(
      async () => {
        for await (const result of pipeline.process(source)) seen.push(result)
      },
      (error: MeshError) => {
        assert.equal(error.code, 'ERR_PIPELINE')
        assert.equal((error.cause as MeshError).code, 'ERR_LIMIT')
        const { stage, sequence, attempts, unfinished } = error.details!
        assert.deepEqual([stage, sequence, attempts], ['one', 2, 1])
        assert.deepEqual((unfinished as number[]).slice(0, 4), [2, 3, 4, 5])
        return true
      }
    )
    assert.deepEqual(seen, [0, 1])
    assert.deepEqual(aborted, [3, 4, 5])
    assert.equal(events[0]?.kind, 'pipeline-stopped')
  })

  it('skip and dead-letter leave the item out, and say so', async () => {
    const { mesh, pipelines, events } = setUp()
    mesh.stage('a', 'parse', (n: number) => {
      if (n === 1) throw new Error('unreadable')
      return { n }
    })
    mesh.stage('b', 'store', ({ n }: { n: number }) => {
      if (n === 2) throw new Error('refused')
      return n
    })
    const pipeline = await pipelines.create('p', {
      stages: [
        { name: 'parse', agent: 'a', onError: 'skip' },
        { name: 'store', agent: 'b', onError: 'dead-letter' }
      ]
    })
    assert.deepEqual(await collect(pipeline.process(numbers(5))), [0, 3, 4])
    const [parse, store] = pipeline.stats().stages
    assert.deepEqual([parse!.skipped, store!.deadLettered], [1, 1])
    assert.deepEqual(
      pipeline
        .deadLetters()
        .map(({ stage, sequence, item, input, attempts }) => [stage, sequence, item, input, attempts]),
      [['store', 2, 2, { n: 2 }, 1]]
    )
    assert.deepEqual(events.map((event) => event.kind).sort(), ['pipeline-dead-letter', 'pipeline-skipped'])
  })

  it('takes new stages while it runs, keeping the order', async () => {
    const { mesh, pipelines } = setUp()
    mesh.stage('a', 'mark', async (n) => {
      await settle()
      return `${n} old`
    })
    mesh.stage('b', 'mark', (n) => `${n} new`)
    const pipeline = await pipelines.create('p', {
      stages: [{ name: 'mark', agent: 'a', concurrency: 2 }],
      highWatermark: 6
    })
    const seen: string[] = []
    for await (const result of pipeline.process(numbers(40))) {
      seen.push(result)
      if (seen.length === 10) await pipeline.reconfigure({ stages: [{ name: 'mark', agent: 'b' }] })
    }
    assert.deepEqual(
      seen.map((result) => Number(result.split(' ')[0])),
      [...Array(40).keys()]
    )
    const firstNew = seen.findIndex((result) => result.endsWith('new'))
    assert.ok(firstNew >= 10 && firstNew <= 16)
    assert.ok(seen.slice(firstNew).every((result) => result.endsWith('new')))
  })
})
