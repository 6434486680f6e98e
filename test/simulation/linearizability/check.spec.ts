import assert from 'node:assert/strict'
import fc from 'fast-check'
import { check, type Verdict } from '../../../scripts/simulate/linearizability/check.ts'
import type { Operation } from '../../../scripts/simulate/linearizability/history.ts'
import { seeded } from '../../core/seeded.ts'
import { hasAnOrder, madeUp } from './made-up.ts'

type Times = readonly [start: number, end: number | null]

let clients = 0
const common = ([start, end]: Times) => ({ client: ++clients, key: 'x', start, end })
const write = (value: unknown, ...times: Times): Operation => ({ ...common(times), op: 'write', value })
const read = (result: unknown, ...times: Times): Operation => ({ ...common(times), op: 'read', result })
const cas = (expected: unknown, wanted: unknown, result: boolean | null, ...times: Times): Operation => ({
  ...common(times),
  op: 'cas',
  value: [expected, wanted],
  result
})

const verdict = (...history: Operation[]): Verdict => check(history)[0]!

const linearizable: Record<string, Operation[]> = {
  'nothing there, and then what was written': [read(null, 1, 2), write(1, 3, 4), read(1, 5, 6)],
  'a read beside a write, that sees it or not': [write(1, 1, 9), read(null, 2, 3), read(1, 4, 5)],
  'two writes beside each other, in the other order': [write(1, 1, 5), write(2, 2, 6), read(1, 7, 8)],
  'an end and a start at the same time, which overlap': [write(1, 1, 3), read(null, 3, 4)],
  'a write of which nobody knows, seen late': [write(1, 1, null), read(null, 2, 3), read(1, 50, 51)],
  'a write of which nobody knows, never seen': [write(1, 1, null), read(null, 50, 51)],
  'a compare-and-set that only a write of which nobody knows can have hindered': [
    write(1, 1, 2),
    write(2, 3, null),
    cas(1, 3, false, 10, 11)
  ],
  'compare-and-sets one on the other, in an order that their starts do not tell': [
    write('a', 1, 2),
    cas('b', 'c', true, 3, 9),
    cas('a', 'b', true, 4, 8),
    read('c', 10, 11)
  ],
  'values that are equal in depth': [write({ a: [1], b: 2 }, 1, 2), read({ b: 2, a: [1] }, 3, 4)]
}

const not: Record<string, Operation[]> = {
  'a write that is not seen after its end': [write(1, 1, 2), read(null, 3, 4)],
  'a value from nowhere': [write(1, 1, 2), read(2, 3, 4)],
  'back to the old value while a write is under way': [write(1, 1, 20), read(1, 2, 3), read(null, 4, 5)],
  'a value seen before it was written': [read(1, 1, 2), write(1, 3, 4)],
  'two compare-and-sets that both found what one must have taken away': [
    write(1, 1, 2),
    cas(1, 2, true, 3, 9),
    cas(1, 3, true, 4, 8)
  ],
  'a compare-and-set that missed what was surely there': [write(1, 1, 2), cas(1, 2, false, 3, 4)],
  'a write of which nobody knows that took effect twice': [
    write(1, 1, null),
    read(1, 2, 3),
    write(2, 4, 5),
    read(1, 6, 7),
    write(3, 8, 9),
    read(1, 10, 11)
  ]
}

describe('a history of a register', () => {
  for (const [name, history] of Object.entries(linearizable))
    it(`is linearizable: ${name}`, () => assert.equal(verdict(...history).answer, 'linearizable'))

  for (const [name, history] of Object.entries(not))
    it(`is not: ${name}`, () => {
      const { answer, example } = verdict(...history)
      assert.equal(answer, 'not linearizable')
      assert.equal(hasAnOrder(example!.operations) && hasAnOrder(history), false)
    })

  it('is judged key by key', () => {
    const verdicts = check([write(1, 1, 2), { ...read(null, 3, 4), key: 'y' }, read(null, 5, 6)])
    assert.deepEqual(
      verdicts.map(({ key, operations, answer }) => ({ key, operations, answer })),
      [
        { key: 'x', operations: 2, answer: 'not linearizable' },
        { key: 'y', operations: 1, answer: 'linearizable' }
      ]
    )
  })
})

const few = fc.record({
  seed: fc.integer(),
  operations: fc.integer({ min: 1, max: 12 }),
  clients: fc.integer({ min: 1, max: 4 }),
  values: fc.integer({ min: 1, max: 4 }),
  unknown: fc.constantFrom(0, 0.2, 0.5),
  cas: fc.constantFrom(0, 0.3, 0.6)
})

/** Some outcomes told otherwise than they were. */
function flipped(history: readonly Operation[], random: () => number): Operation[] {
  return history.map((operation) => {
    if (operation.end === null || operation.op === 'write' || random() < 0.6) return operation
    const result = operation.op === 'cas' ? operation.result !== true : Math.floor(random() * 4)
    return { ...operation, result }
  })
}

describe('histories made up at random', () => {
  it('are linearizable where a register has answered', () => {
    fc.assert(
      fc.property(few, (making) => {
        const history = madeUp({ ...making, operations: 50 * making.operations }, seeded(making.seed))
        assert.equal(check(history)[0]!.answer, 'linearizable')
      })
    )
  })

  it('are judged as every order of every choice judges them, and so are the counter-examples', () => {
    const answers = { linearizable: 0, 'not linearizable': 0, undecided: 0 }
    const judge = (making: Parameters<typeof madeUp>[0] & { seed: number }): void => {
      const random = seeded(making.seed)
      const history = flipped(madeUp(making, random), random)
      const { answer, example } = check(history)[0]!
      answers[answer]++
      assert.equal(answer === 'linearizable', hasAnOrder(history))
      if (example !== undefined) assert.equal(hasAnOrder(example.operations), false)
    }
    fc.assert(fc.property(few, judge), { numRuns: 2_000 })
    assert.ok(answers['not linearizable'] > 200 && answers.linearizable > 200, JSON.stringify(answers))
  })

  it('are mostly not where one read of many saw an old value', () => {
    let caught = 0
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed)
      const history = madeUp({ operations: 300, clients: 5, values: 1e9, unknown: 0.02, cas: 0.2 }, random)
      const reads = history.filter(({ op, end, result }) => op === 'read' && end !== null && result !== null)
      const [old, late] = [reads[5]!, reads.at(-5)!]
      const { answer, example } = verdict(...history.map((o) => (o === late ? { ...o, result: old.result } : o)))
      if (answer !== 'not linearizable') continue
      caught++
      assert.ok(example!.operations.length <= 8, `seed ${seed}: ${example!.operations.length} operations`)
    }
    assert.ok(caught >= 15, `${caught} of 20`)
  })

  it('of 10,000 operations, ten at a time, are judged within 100,000 configurations', function () {
    this.timeout(30_000)
    for (const making of [
      { values: 1e9, unknown: 0.02, cas: 0.2 },
      { values: 5, unknown: 0.02, cas: 0.2 }
    ]) {
      const history = madeUp({ operations: 10_000, clients: 10, ...making }, seeded(7))
      assert.equal(check(history, 100_000)[0]!.answer, 'linearizable')
    }
  })
})
