import assert from 'node:assert/strict'
import { SESSION_WINDOW } from '../../../src/core/replicated/session.ts'
import { MAX_SESSIONS } from '../../../src/core/replicated/sessions.ts'
import type { StateMachine } from '../../../src/core/replicated/types.ts'
import { codeOf, LoneReplica, told } from './ground.ts'

/** Adds up what it is told, and gives the sum in the shape that is asked for. */
class Adder implements StateMachine {
  sum = 0
  readonly #steps: number[] = []

  apply(command: unknown): unknown {
    const { add, as } = command as { add: number; as?: string }
    this.sum += add
    this.#steps.push(add)
    if (as === 'error') throw Object.assign(new Error('no more'), { code: 'ERR_FULL' })
    if (as === 'unrepresentable') return () => this.sum
    return as === 'steps' ? this.#steps : this.sum
  }

  query(): unknown {
    return this.sum
  }

  snapshot(): unknown {
    return [this.sum, this.#steps.slice()]
  }

  restore(state: unknown): void {
    const [sum, steps] = state as [number, number[]]
    this.sum = sum
    this.#steps.splice(0, Infinity, ...steps)
  }
}

const ground = () => new LoneReplica(() => ({ machine: new Adder() }))
const sumOf = (replica: LoneReplica) => replica.state.query('machine', undefined)

describe('a session', () => {
  it('has a command done once, and tells its outcome again', () => {
    const replica = ground()
    const session = replica.open()
    assert.equal(session, 1)
    assert.equal(told(replica.in(session, 1, 'machine', { add: 2 })), 2)
    assert.equal(told(replica.in(session, 2, 'machine', { add: 3 })), 5)
    assert.equal(told(replica.in(session, 1, 'machine', { add: 2 })), 2)
    assert.equal(sumOf(replica), 5)
    assert.equal(told(replica.copy().in(session, 2, 'machine', { add: 3 })), 5)
  })

  it('is one of many, each with numbers of its own', () => {
    const replica = ground()
    const [a, b] = [replica.open(), replica.open()]
    assert.notEqual(a, b)
    for (const session of [a, b, a, b]) replica.in(session, 1, 'machine', { add: 1 })
    assert.equal(sumOf(replica), 2)
  })

  it('is opened once for a nonce', () => {
    const replica = ground()
    const session = replica.open('mine')
    replica.open('another')
    assert.equal(replica.open('mine'), session)
    assert.equal(replica.copy().open('mine'), session)
    for (const nonce of ['', 'x'.repeat(65), 7]) {
      assert.equal(codeOf(replica.tell('sessions', { open: nonce })), 'ERR_MALFORMED')
    }
    assert.equal(codeOf(replica.in(session, 1, 'sessions', { open: 'within' })), 'ERR_MALFORMED')
  })

  it('takes numbers out of order, within the window', () => {
    const replica = ground()
    const session = replica.open()
    const numbers = Array.from({ length: SESSION_WINDOW }, (_, i) => SESSION_WINDOW - i)
    for (const number of numbers) assert.equal(replica.in(session, number, 'machine', { add: number }).ok, true)
    const sum = (SESSION_WINDOW * (SESSION_WINDOW + 1)) / 2
    assert.equal(sumOf(replica), sum)
    for (const number of numbers) replica.in(session, number, 'machine', { add: number })
    assert.equal(sumOf(replica), sum)
  })

  it('does nothing beyond the window, until the oldest was settled', () => {
    const replica = ground()
    const session = replica.open()
    const beyond = SESSION_WINDOW + 1
    assert.equal(codeOf(replica.in(session, beyond, 'machine', { add: 1 })), 'ERR_LIMIT')
    assert.equal(sumOf(replica), 0)
    assert.equal(told(replica.in(session, beyond, 'machine', { add: 1 }, 2)), 1)
  })

  it('forgets what nobody waits for, and never does it again', () => {
    const replica = ground()
    const session = replica.open()
    for (let number = 1; number <= 40; number++) replica.in(session, number, 'machine', { add: 1, as: 'steps' })
    const before = replica.state.snapshot().length
    assert.equal(told(replica.in(session, 41, 'machine', { add: 1 }, 41)), 41)
    assert.ok(replica.state.snapshot().length < before / 4)
    for (const number of [1, 40])
      assert.equal(codeOf(replica.in(session, number, 'machine', { add: 1 })), 'ERR_SETTLED')
    // An older command that comes late does not bring back what was settled.
    assert.equal(told(replica.in(session, 41, 'machine', { add: 1 }, 3)), 41)
    assert.equal(codeOf(replica.in(session, 5, 'machine', { add: 1 }, 3)), 'ERR_SETTLED')
    assert.equal(sumOf(replica), 41)
    assert.equal(told(replica.in(session, 9_000_000, 'machine', { add: 1 }, 8_999_999)), 42)
    assert.equal(codeOf(replica.in(session, 41, 'machine', { add: 1 })), 'ERR_SETTLED')
  })

  it('keeps a failure as it keeps a value', () => {
    const replica = ground()
    const session = replica.open()
    const failed = { ok: false, code: 'ERR_FULL', message: 'no more' }
    assert.deepEqual(replica.in(session, 1, 'machine', { add: 1, as: 'error' }), failed)
    assert.deepEqual(replica.in(session, 1, 'machine', { add: 1, as: 'error' }), failed)
    assert.deepEqual(replica.copy().in(session, 1, 'machine', { add: 1, as: 'error' }), failed)
    assert.equal(sumOf(replica), 1)
  })

  it('keeps the value that was told, whatever its machine makes of it later', () => {
    const replica = ground()
    const session = replica.open()
    replica.in(session, 1, 'machine', { add: 7, as: 'steps' })
    replica.in(session, 2, 'machine', { add: 8 })
    assert.deepEqual(told(replica.in(session, 1, 'machine', { add: 7, as: 'steps' })), [7])
    assert.deepEqual(told(replica.copy().in(session, 1, 'machine', { add: 7, as: 'steps' })), [7])
  })

  it('has a failure where no client could be told the value', () => {
    const replica = ground()
    const session = replica.open()
    const codes = [1, 2].map(() => codeOf(replica.in(session, 1, 'machine', { add: 1, as: 'unrepresentable' })))
    assert.deepEqual(codes, ['ERR_UNREPRESENTABLE', 'ERR_UNREPRESENTABLE'])
    assert.equal(sumOf(replica), 1)
  })

  it('is forgotten when it was idle longest and there is one too many', () => {
    const replica = ground()
    const [first, second] = [replica.open(), replica.open()]
    for (let i = 2; i < MAX_SESSIONS; i++) replica.open()
    replica.in(first, 1, 'machine', { add: 1 })
    const copy = replica.copy()
    for (const one of [replica, copy]) {
      const last = one.open()
      assert.equal(codeOf(one.in(second, 1, 'machine', { add: 1 })), 'ERR_SESSION_EXPIRED')
      assert.equal(told(one.in(first, 1, 'machine', { add: 1 })), 1)
      assert.equal(told(one.in(last, 1, 'machine', { add: 1 })), 2)
    }
    assert.deepEqual(replica.state.snapshot(), copy.state.snapshot())
  })

  it('is another one, once it was forgotten, under the nonce that it had', () => {
    const replica = ground()
    const session = replica.open('mine')
    for (let i = 0; i < MAX_SESSIONS; i++) replica.open()
    assert.equal(codeOf(replica.in(session, 1, 'machine', { add: 1 })), 'ERR_SESSION_EXPIRED')
    assert.equal(replica.open('mine'), replica.index)
  })

  it('must have been opened', () => {
    const replica = ground()
    assert.equal(codeOf(replica.in(77, 1, 'machine', { add: 1 })), 'ERR_SESSION_EXPIRED')
    assert.equal(sumOf(replica), 0)
  })
})
