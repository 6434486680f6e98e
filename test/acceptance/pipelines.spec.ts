import assert from 'node:assert/strict'
import type { Node } from '../../src/index.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { collect } from '../kit/record.ts'
import { until } from '../kit/until.ts'

describe('the API, “Pipelines”', function () {
  this.timeout(30_000)
  let mesh: Mesh<[object, object]>
  let a: Node
  let b: Node
  const stages = [{ name: 'double', agent: 'doubler', concurrency: 4 }]
  const stuck = [{ name: 'wait', agent: 'doubler', concurrency: 4 }]
  const aborted: unknown[] = []

  before(async () => {
    mesh = await meshOf({}, {})
    ;[a, b] = mesh.nodes
    const double = ({ data }: { data: number }) => data * 2
    const wait = ({ data }: { data: number }, { signal }: { signal: AbortSignal }) =>
      new Promise(() => signal.addEventListener('abort', () => aborted.push(data)))
    await b.agent('doubler', { handle: { double, wait } })
  })
  beforeEach(() => void aborted.splice(0))
  after(() => mesh[Symbol.asyncDispose]())

  it('process: its signal ends it at once, what is in flight and the source with it', async () => {
    await using pipeline = await a.pipeline('left', { stages: stuck })
    const controller = new AbortController()
    const reason = new Error('enough')
    let closed = false
    async function* source() {
      try {
        for (let i = 0; ; i++) yield i
      } finally {
        closed = true
      }
    }
    const results = collect(pipeline.process(source(), { signal: controller.signal }))
    await until('all that are worked on at a time', () => pipeline.stats().stages[0]!.running === 4)
    controller.abort(reason)
    await assert.rejects(results, { code: 'ERR_ABORTED', cause: reason })
    assert.equal(closed, true)
    await until('the handlers’ signals', () => aborted.length === 4)
    assert.equal(pipeline.stats().inFlight, 0)
    await pipeline.reconfigure({ stages })
    assert.deepEqual(await collect(pipeline.process([1, 2, 3])), [2, 4, 6])
  })

  it('process: its timeout ends it too, and a source that ends in time never hears of either', async () => {
    await using pipeline = await a.pipeline('late', { stages: stuck })
    await assert.rejects(collect(pipeline.process([1], { timeout: 20 })), { code: 'ERR_TIMEOUT', retryable: true })
    await until('the handler’s signal', () => aborted.length === 1)
    await pipeline.reconfigure({ stages })
    const { signal } = new AbortController()
    assert.deepEqual(await collect(pipeline.process([1, 2], { timeout: 60_000, signal })), [2, 4])
    assert.throws(() => pipeline.process([1], { timeout: -1 }), { code: 'ERR_CONFIG', details: { key: 'timeout' } })
  })

  it('process: reads whatever is iterable, and says at once what is not', async () => {
    await using pipeline = await a.pipeline('any', { stages })
    assert.deepEqual(await collect(pipeline.process(new Set([1, 2]))), [2, 4])
    assert.deepEqual(await collect(pipeline.process('12')), [2, 4])
    for (const source of [5, null, undefined, {}] as never[]) {
      assert.throws(() => pipeline.process(source), { code: 'ERR_CONFIG', details: { key: 'source' } })
    }
  })

  it('“feed it by its id from any host”, where an id is one pipeline in the whole mesh', async () => {
    const pipeline = await a.pipeline('one', { stages })
    await until('the other host to know', () => b.agents('phoenix.pipeline.one').length === 1)
    assert.deepEqual(await Promise.all([a, b].map((node) => node.pipelines.get('one').send(4))), [8, 8])
    for (const node of [a, b]) {
      await assert.rejects(node.pipeline('one', { stages }), { code: 'ERR_ALREADY_REGISTERED' })
    }
    await pipeline.close()
    await until('the other host to know', () => b.agents('phoenix.pipeline.one').length === 0)
    for (const node of [a, b]) {
      await assert.rejects(node.pipelines.get('one').send(4), { code: 'ERR_NO_RESPONDERS', retryable: true })
    }
    await (await b.pipeline('one', { stages })).close()
  })

  it('“per stage: in, out, failed, retried, queued, latency percentiles”', async () => {
    await using pipeline = await a.pipeline('counted', { stages })
    await collect(pipeline.process([1, 2, 3]))
    const [stage] = pipeline.stats().stages
    const { in: entered, out, failed, retried, queued, latency } = stage!
    assert.deepEqual([entered, out, failed, retried, queued, latency.count], [3, 3, 0, 0, 0, 3])
    assert.ok(latency.p50 > 0 && latency.p50 <= latency.p90 && latency.p90 <= latency.p99 && latency.p99 <= latency.max)
    assert.deepEqual(await b.pipelines.get('counted').stats(), pipeline.stats())
  })
})
