import assert from 'node:assert/strict'
import { MeshError } from '../../protocols/errors.ts'
import type { PipelineOptions } from '../../src/node/pipeline-options.ts'
import { collect, settle, setUp } from './pipeline-fakes.ts'

/** A stage that answers when told to. */
function gate() {
  const waiting: (() => void)[] = []
  return {
    stage: (n: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        waiting.push(() => resolve(n))
      }),
    open: () => {
      for (const answer of waiting.splice(0)) answer()
    }
  }
}

const one = (overrides: object = {}): PipelineOptions => ({ stages: [{ name: 'one', agent: 'a', ...overrides }] })

describe('node/pipeline: send', () => {
  it('resolves with the result, from here and from any host', async () => {
    const { mesh, pipelines, elsewhere } = setUp()
    mesh.stage('a', 'one', (n: number) => n + 1)
    const pipeline = await pipelines.create('ingest', one())
    assert.equal(await pipeline.send(1), 2)
    assert.equal(await pipelines.get('ingest').send(2), 3)
    assert.equal(await elsewhere.get('ingest').send(3), 4)
    assert.deepEqual(await elsewhere.get('ingest').stats(), pipeline.stats())
    assert.equal(pipeline.stats().completed, 3)
  })

  it('takes an item as it is when it is given, whatever its owner makes of it then', async () => {
    const { mesh, pipelines } = setUp()
    mesh.stage('a', 'one', async ({ n }: { n: number }) => n)
    const pipeline = await pipelines.create('p', { ...one(), highWatermark: 2 })
    const item = { n: 0 }
    const results = [1, 2, 3].map((n) => {
      item.n = n
      return pipeline.send(item)
    })
    item.n = -1
    assert.deepEqual(await Promise.all(results), [1, 2, 3])
    function* reusing() {
      for (item.n = 0; item.n < 5; item.n++) yield item
    }
    assert.deepEqual(await collect(pipeline.process(reusing())), [0, 1, 2, 3, 4])
  })

  for (const where of ['here', 'elsewhere'] as const) {
    it(`throws ERR_PIPELINE for an item that was lost, ${where}`, async () => {
      const { mesh, pipelines, elsewhere } = setUp()
      mesh.stage('a', 'one', () => {
        throw Object.assign(new Error('no such thing'), { code: 'NO_SUCH_THING' })
      })
      await pipelines.create('p', one({ onError: 'skip' }))
      const feed = (where === 'here' ? pipelines : elsewhere).get('p')
      await assert.rejects(feed.send('x'), (error: MeshError) => {
        assert.equal(error.code, 'ERR_PIPELINE')
        assert.match(error.message, /stage 'one' of pipeline 'p' failed on item 0 after 1 attempts: no such thing/)
        assert.equal((error.cause as MeshError).code, 'NO_SUCH_THING')
        const { reason, stage, sequence, attempts, unfinished } = error.details!
        assert.deepEqual([reason, stage, sequence, attempts, unfinished], ['skipped', 'one', 0, 1, [0]])
        return true
      })
    })
  }

  it('throws ERR_BACKPRESSURE at the high watermark with overflow reject', async () => {
    const { mesh, pipelines, elsewhere } = setUp()
    const { stage, open } = gate()
    mesh.stage('a', 'one', stage)
    const pipeline = await pipelines.create('p', { ...one({ concurrency: 2 }), overflow: 'reject', highWatermark: 2 })
    const taken = [pipeline.send(1), pipeline.send(2)]
    await settle()
    await assert.rejects(pipeline.send(3), { code: 'ERR_BACKPRESSURE', retryable: true })
    await assert.rejects(elsewhere.get('p').send(3), { code: 'ERR_BACKPRESSURE', retryable: true })
    open()
    assert.deepEqual(await Promise.all(taken), [1, 2])
    const later = pipeline.send(3)
    await settle()
    open()
    assert.equal(await later, 3)
  })

  it('waits with overflow buffer, first come first served, and refuses when as many wait as it holds', async () => {
    const { mesh, pipelines } = setUp()
    const { stage, open } = gate()
    mesh.stage('a', 'one', stage)
    const pipeline = await pipelines.create('p', { ...one(), highWatermark: 2 })
    const order: unknown[] = []
    const sends = [1, 2, 3, 4].map((n) => pipeline.send(n).then((result) => order.push(result)))
    await settle()
    assert.equal(pipeline.stats().inFlight, 2)
    await assert.rejects(pipeline.send(5), { code: 'ERR_QUEUE_FULL' })
    for (let i = 0; i < 4; i++) {
      open()
      await settle()
    }
    await Promise.all(sends)
    assert.deepEqual(order, [1, 2, 3, 4])
  })

  it('withdraws on abort and on timeout, in flight or waiting', async () => {
    const { mesh, pipelines, clock } = setUp()
    const { stage } = gate()
    mesh.stage('a', 'one', stage)
    const pipeline = await pipelines.create('p', { ...one(), highWatermark: 1 })
    const controller = new AbortController()
    const inFlight = pipeline.send(1, { signal: controller.signal })
    const waiting = pipeline.send(2, { timeout: 50 })
    const expired = assert.rejects(waiting, { code: 'ERR_TIMEOUT' })
    await clock.advance(50)
    await expired
    const third = pipeline.send(3, { timeout: 100 })
    controller.abort()
    await assert.rejects(inFlight, { code: 'ERR_ABORTED' })
    await settle()
    assert.equal(pipeline.stats().entered, 2)
    const late = assert.rejects(third, { code: 'ERR_TIMEOUT' })
    await clock.advance(100)
    await late
    assert.equal(pipeline.stats().inFlight, 0)
    assert.equal(clock.pending, 0)
    await assert.rejects(pipeline.send(4, { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
    assert.equal(pipeline.stats().inFlight, 0)
  })

  it('withdraws what a remote feeder gave up', async () => {
    const { mesh, pipelines, elsewhere } = setUp()
    const { stage } = gate()
    mesh.stage('a', 'one', stage)
    const pipeline = await pipelines.create('p', one())
    const controller = new AbortController()
    const sent = elsewhere.get('p').send(1, { signal: controller.signal })
    sent.catch(() => {})
    await settle()
    assert.equal(pipeline.stats().inFlight, 1)
    controller.abort(new MeshError('ERR_ABORTED', 'enough'))
    await assert.rejects(sent, { code: 'ERR_ABORTED' })
    await settle()
    assert.equal(pipeline.stats().inFlight, 0)
  })

  it('tells a remote feeder what was not finished when the coordinator dies', async () => {
    const { mesh, pipelines, elsewhere } = setUp()
    const { stage } = gate()
    mesh.stage('a', 'one', stage)
    await pipelines.create('p', one())
    const sent = elsewhere.get('p').send({ order: 7 })
    await settle()
    mesh.kill('phoenix.pipeline.p')
    await assert.rejects(sent, {
      code: 'ERR_PIPELINE',
      details: { pipeline: 'p', reason: 'coordinator-lost', unfinished: [{ order: 7 }] }
    })
    await assert.rejects(elsewhere.get('p').send(1), { code: 'ERR_NO_RESPONDERS' })
  })

  it('refuses a coordinator’s garbage with ERR_MALFORMED', async () => {
    const { mesh, elsewhere } = setUp()
    await mesh.host('phoenix.pipeline.p', {
      'phoenix.pipeline.process': async () => ({ status: 'perhaps' }),
      'phoenix.pipeline.stats': async () => 5
    })
    await assert.rejects(elsewhere.get('p').send(1), { code: 'ERR_MALFORMED' })
    await assert.rejects(elsewhere.get('p').stats(), { code: 'ERR_MALFORMED' })
  })
})

describe('node/pipeline: close and reconfigure', () => {
  it('drains what is in flight, refuses what comes, and is gone', async () => {
    const { mesh, pipelines, elsewhere } = setUp()
    const { stage, open } = gate()
    mesh.stage('a', 'one', stage)
    const pipeline = await pipelines.create('p', one())
    const sent = pipeline.send(1)
    const results = collect(pipeline.process([2]))
    await settle()
    const closed = pipeline.close()
    await assert.rejects(pipeline.send(3), { code: 'ERR_STOPPED' })
    for (let i = 0; i < 2; i++) {
      open()
      await settle()
    }
    await closed
    assert.equal(await sent, 1)
    assert.deepEqual(await results, [2])
    await assert.rejects(elsewhere.get('p').send(1), { code: 'ERR_NO_RESPONDERS' })
    await pipelines.create('p', one())
  })

  it('cancels what does not finish in time', async () => {
    const { mesh, pipelines, clock } = setUp()
    const { stage } = gate()
    mesh.stage('a', 'one', stage)
    const pipeline = await pipelines.create('p', one())
    const sent = assert.rejects(pipeline.send(1), { code: 'ERR_STOPPED' })
    const results = assert.rejects(collect(pipeline.process([2])), { code: 'ERR_STOPPED' })
    await settle()
    const closed = pipeline.close({ timeout: 1_000 })
    await clock.advance(1_000)
    await Promise.all([closed, sent, results])
    await pipeline.close()
    assert.equal(clock.pending, 0)
  })

  it('resolves a reconfiguration when the old stages are done, and bounds the wait for it', async () => {
    const { mesh, pipelines, clock } = setUp()
    const { stage, open } = gate()
    mesh.stage('a', 'one', stage)
    mesh.stage('b', 'two', (n: number) => n * 2)
    const pipeline = await pipelines.create('p', one())
    const old = pipeline.send(1)
    const stages = [{ name: 'two', agent: 'b' }]
    const expired = assert.rejects(pipeline.reconfigure({ stages }, { timeout: 10 }), { code: 'ERR_TIMEOUT' })
    await clock.advance(10)
    await expired
    const fresh = pipeline.send(1)
    await settle()
    open()
    assert.deepEqual(await Promise.all([old, fresh]), [1, 2])
    await pipeline.reconfigure({ stages: [{ name: 'three', agent: 'b' }] })
    assert.deepEqual(
      pipeline.stats().stages.map(({ name }) => name),
      ['three']
    )
  })
})

describe('node/pipeline: options', () => {
  for (const [what, options, key] of [
    ['no stage', { stages: [] }, 'stages'],
    ['an unknown key', { ...one(), color: 'red' }, 'color'],
    ['an unknown key of a stage', one({ retry: 1 }), 'stages.0.retry'],
    ['an unknown policy', one({ onError: 'panic' }), 'stages.0.onError'],
    ['no concurrency', one({ concurrency: 0 }), 'stages.0.concurrency'],
    ['an unknown overflow', { ...one(), overflow: 'drop-oldest' }, 'overflow'],
    ['no room', { ...one(), highWatermark: 0 }, 'highWatermark'],
    ['a stage without agent', { stages: [{ name: 'one' }] }, 'stages.0.agent'],
    ['an agent whose name nobody can have', { stages: [{ name: 'one', agent: 'é'.repeat(128) }] }, 'stages.0.agent'],
    ['one name twice', { stages: [...one().stages, ...one().stages] }, 'stages'],
    ['nothing', undefined, 'options']
  ] as const) {
    it(`refuses ${what} with ERR_CONFIG naming the key`, async () => {
      const { pipelines } = setUp()
      await assert.rejects(pipelines.create('p', options as PipelineOptions), { code: 'ERR_CONFIG', details: { key } })
      assert.deepEqual(pipelines.ids, [])
    })
  }

  it('refuses what is no id, and an id that is taken', async () => {
    const { pipelines } = setUp()
    for (const id of ['', 'a b', 'x'.repeat(129), 'é', 5 as never]) {
      await assert.rejects(pipelines.create(id, one()), { code: 'ERR_CONFIG' })
      assert.throws(() => pipelines.get(id), { code: 'ERR_CONFIG' })
    }
    await pipelines.create('p', one())
    await assert.rejects(pipelines.create('p', one()), { code: 'ERR_ALREADY_REGISTERED' })
  })
})
