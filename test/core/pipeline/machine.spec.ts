import assert from 'node:assert/strict'
import { PipelineMachine } from '../../../src/core/pipeline/machine.ts'
import type { PipelineEffect, PipelineInput, StagePlan } from '../../../src/core/pipeline/types.ts'
import { plan } from './world.ts'

function setUp(stages: StagePlan[], highWatermark = 10, random = () => 1) {
  const machine = new PipelineMachine({ stages, highWatermark, random })
  function handle(input: PipelineInput): PipelineEffect[] {
    const effects: PipelineEffect[] = []
    machine.handle(input, 0, effects)
    return effects
  }
  const enter = (...values: unknown[]) => values.flatMap((value) => handle({ kind: 'enter', value }))
  const succeed = (sequence: number, value: unknown, attempt = 1) =>
    handle({ kind: 'succeeded', sequence, attempt, value })
  const fail = (sequence: number, attempt = 1) => handle({ kind: 'failed', sequence, attempt, error: 'broken' })
  return { machine, handle, enter, succeed, fail }
}

const kinds = (effects: PipelineEffect[]) => effects.map((effect) => effect.kind)
const calls = (effects: PipelineEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'call' ? [`${effect.stage.name} ${effect.sequence}`] : []))

describe('core/pipeline: machine', () => {
  it('calls one stage after the other with the answer of the one before', () => {
    const { enter, succeed } = setUp([plan('a'), plan('b')])
    assert.deepEqual(enter('x'), [{ kind: 'call', sequence: 0, attempt: 1, stage: plan('a'), value: 'x' }])
    assert.deepEqual(succeed(0, 'y'), [{ kind: 'call', sequence: 0, attempt: 1, stage: plan('b'), value: 'y' }])
    assert.deepEqual(succeed(0, 'z'), [{ kind: 'result', sequence: 0, value: 'z' }, { kind: 'idle' }])
  })

  it('holds to the concurrency of a stage, 1 and more', () => {
    const one = setUp([plan('a')])
    assert.deepEqual(calls(one.enter(1, 2, 3)), ['a 0'])
    assert.deepEqual(calls(one.succeed(0, 1)), ['a 1'])
    const three = setUp([plan('a', { concurrency: 3 })])
    assert.deepEqual(calls(three.enter(1, 2, 3, 4)), ['a 0', 'a 1', 'a 2'])
  })

  it('lets results leave in order whatever the order of answers', () => {
    const { enter, succeed } = setUp([plan('a', { concurrency: 3 })])
    enter(1, 2, 3)
    assert.deepEqual(kinds(succeed(2, 'c')), [])
    assert.deepEqual(kinds(succeed(1, 'b')), [])
    assert.deepEqual(
      succeed(0, 'a').map((effect) => (effect.kind === 'result' ? effect.value : effect.kind)),
      ['a', 'b', 'c', 'idle']
    )
  })

  it('starts items at a later stage in order, too', () => {
    const { enter, succeed } = setUp([plan('a', { concurrency: 2 }), plan('b')])
    enter(1, 2)
    assert.deepEqual(calls(succeed(1, 2)), [])
    assert.deepEqual(calls(succeed(0, 1)), ['b 0'])
  })

  it('retries with full jitter, doubling up to the limit, and stops when retries are spent', () => {
    const { machine, enter, fail, handle } = setUp([plan('a', { retries: 4, maxRetryDelay: 300 })])
    enter('x')
    for (const [attempt, delay] of [100, 200, 300, 300].entries()) {
      assert.deepEqual(fail(0, attempt + 1), [{ kind: 'set-timer', sequence: 0, delay }])
      assert.deepEqual(calls(handle({ kind: 'timer', sequence: 0 })), ['a 0'])
    }
    const [stopped] = fail(0, 5)
    assert.ok(stopped?.kind === 'stopped')
    assert.deepEqual([stopped.loss.attempts, stopped.loss.error, stopped.unfinished], [5, 'broken', [0]])
    assert.equal(machine.status[0]!.retried, 4)
    assert.equal(machine.status[0]!.failed, 5)
  })

  it('keeps the slot while it waits for a retry, so that nobody overtakes', () => {
    const { enter, fail, handle } = setUp([plan('a')])
    enter(1, 2)
    assert.deepEqual(kinds(fail(0)), ['set-timer'])
    assert.deepEqual(calls(handle({ kind: 'timer', sequence: 0 })), ['a 0'])
  })

  for (const [onError, effect] of [
    ['skip', 'skipped'],
    ['dead-letter', 'dead-lettered']
  ] as const) {
    it(`${onError} takes the item out and goes on with the next`, () => {
      const { machine, enter, fail, succeed } = setUp([plan('a', { onError, retries: 0 })])
      enter('x', 'y')
      const effects = fail(0)
      assert.deepEqual(kinds(effects), [effect, 'call'])
      assert.ok(effects[0]?.kind === effect && effects[0].loss.item === 'x')
      assert.deepEqual(kinds(succeed(1, 'Y')), ['result', 'idle'])
      assert.equal(machine.status[0]![effect === 'skipped' ? 'skipped' : 'deadLettered'], 1)
    })
  }

  it('stop cancels what is in flight and names it; the next item starts afresh', () => {
    const { enter, fail, succeed } = setUp([plan('a', { concurrency: 2, onError: 'stop', retries: 0 })])
    enter(1, 2, 3)
    const effects = fail(1)
    assert.deepEqual(kinds(effects), ['cancel', 'stopped', 'idle'])
    assert.ok(effects[1]?.kind === 'stopped')
    assert.deepEqual(effects[1].unfinished, [0, 1, 2])
    assert.deepEqual(succeed(0, 'late'), [])
    assert.deepEqual(calls(enter(4)), ['a 3'])
  })

  it('is full at the high watermark until results are released', () => {
    const { machine, enter, succeed, handle } = setUp([plan('a', { concurrency: 9 })], 2)
    enter(1, 2)
    assert.equal(machine.room, 0)
    assert.throws(() => enter(3), RangeError)
    succeed(0, 1)
    assert.equal(machine.room, 0, 'a result that nobody took still counts')
    assert.deepEqual(kinds(handle({ kind: 'release' })), ['room'])
    assert.equal(machine.room, 1)
  })

  it('finishes what is in flight on the old stages, then works on the new ones', () => {
    const { machine, enter, succeed, handle } = setUp([plan('a')])
    enter(1, 2)
    assert.deepEqual(handle({ kind: 'reconfigure', stages: [plan('b')] }), [])
    assert.deepEqual(calls(enter(3)), [])
    assert.deepEqual(calls(succeed(0, 1)), ['a 1'])
    assert.equal(machine.changing, true)
    const effects = succeed(1, 2)
    assert.deepEqual(kinds(effects), ['result', 'reconfigured', 'call'])
    assert.deepEqual(calls(effects), ['b 2'])
  })

  it('keeps the counters of a stage that stays', () => {
    const { machine, enter, succeed, handle } = setUp([plan('a'), plan('b')])
    enter(1)
    succeed(0, 1)
    succeed(0, 1)
    assert.deepEqual(kinds(handle({ kind: 'reconfigure', stages: [plan('b'), plan('c')] })), ['reconfigured'])
    assert.deepEqual(
      machine.status.map((stage) => [stage.name, stage.in, stage.out]),
      [
        ['b', 1, 1],
        ['c', 0, 0]
      ]
    )
  })

  it('withdraws an item wherever it is', () => {
    const { machine, enter, fail, succeed, handle } = setUp([plan('a', { concurrency: 3 })])
    enter('running', 'pausing', 'finished', 'waiting')
    fail(1)
    succeed(2, 'done')
    assert.deepEqual(kinds(handle({ kind: 'withdraw', sequence: 2 })), [])
    assert.deepEqual(kinds(handle({ kind: 'withdraw', sequence: 1 })), ['cancel-timer'])
    assert.deepEqual(kinds(handle({ kind: 'withdraw', sequence: 0 })), ['cancel'])
    assert.deepEqual(kinds(handle({ kind: 'withdraw', sequence: 3 })), ['cancel', 'idle'])
    assert.equal(machine.room, 10)
  })
})
