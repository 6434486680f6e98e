import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { PART_WINDOW } from '../../../protocols/request-response/constants.ts'
import { PartReader } from '../../../src/runtime/delivery/part-reader.ts'
import { PartWindow } from '../../../src/runtime/delivery/part-window.ts'
import { PausedFlows } from '../../../src/runtime/delivery/paused-flows.ts'
import { SentWindow } from '../../../src/runtime/delivery/sent-window.ts'

describe('the window of what was sent', () => {
  const range = fc
    .tuple(fc.nat(3_000), fc.nat(3_000))
    .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)])
  const step = fc.oneof(fc.constant('push' as const), fc.nat(3_000), range)

  it('is a map by number, whatever is settled in whatever order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.constantFrom(4, 64, 100_000), (steps, sparse) => {
        const window = new SentWindow<string>(sparse)
        const model = new Map<number, string>()
        let next = 0
        for (const step of steps) {
          if (typeof step === 'string') {
            for (let i = 0; i < 10; i++) {
              assert.equal(window.next, next)
              model.set(next, `entry ${next}`)
              assert.equal(window.push(`entry ${next}`), next++)
            }
          } else if (Array.isArray(step)) {
            const [first, last] = step
            const settled: string[] = []
            window.settleAll(first, last, (entry) => settled.push(entry))
            const expected = [...model.keys()].filter((number) => number >= first && number <= last)
            assert.deepEqual(
              settled,
              expected.map((number) => model.get(number))
            )
            for (const number of expected) model.delete(number)
          } else {
            const number = next === 0 ? step : step % (next + 3)
            assert.equal(window.settle(number), model.get(number))
            model.delete(number)
          }
          assert.equal(window.size, model.size)
        }
        assert.deepEqual([...window], [...model])
      })
    )
  })

  it('is held by its oldest entries no longer than they take themselves, nor is a forged range', () => {
    const window = new SentWindow<number>(1_000)
    const held = new Set([0, 1, 70_000, 200_001])
    for (let i = 0; i < 1_000_000; i++) {
      assert.equal(window.push(i), i)
      // Thirty in flight, as a link has them.
      const done = i - 30
      if (done >= 0 && !held.has(done)) assert.equal(window.settle(done), done)
      if (i % 1_000 === 0)
        assert.ok(window.slots <= 1_000 + 2 * window.size, `${window.slots} slots for ${window.size} entries`)
    }
    assert.equal(window.settle(1), 1)
    const rest: number[] = []
    window.settleAll(0, 2 ** 50, (entry) => rest.push(entry))
    assert.deepEqual(rest.slice(0, 3), [0, 70_000, 200_001])
    assert.equal(rest.length, 3 + 30)
    assert.equal(window.size, 0)
  })
})

/** Stands in for a message: the reader only passes it on. */
const part = (data: unknown): WireMessage => {
  const message = { data, detach: () => message }
  return message as unknown as WireMessage
}

describe('a stream of parts', () => {
  const open = () => {
    const grants: number[] = []
    let cancelled = 0
    const reader = new PartReader(
      (parts) => grants.push(parts),
      () => cancelled++
    )
    return { reader, grants, cancelled: () => cancelled }
  }

  it('holds no more than its window, and grants more as it is read', async () => {
    const { reader, grants } = open()
    for (let i = 0; i < PART_WINDOW.parts; i++) reader.push(part(i), 10)
    assert.throws(() => reader.push(part('one more'), 10), { code: 'ERR_PROTOCOL' })
    for (let i = 0; i < PART_WINDOW.parts; i++) assert.equal((await reader.next()).value.data, i)
    assert.deepEqual(grants, [PART_WINDOW.parts / 2, PART_WINDOW.parts / 2])
  })

  it('bounds its bytes, and takes one part however large', () => {
    const { reader } = open()
    reader.push(part('large'), 16 * PART_WINDOW.bytes)
    assert.throws(() => reader.push(part('x'), 1), { code: 'ERR_PROTOCOL' })
  })

  it('gives what came before a failure, then the failure once, then its end', async () => {
    const { reader } = open()
    reader.push(part(1), 1)
    reader.fail(new Error('broken'))
    reader.push(part(2), 1)
    assert.equal((await reader.next()).value.data, 1)
    await assert.rejects(reader.next(), /broken/)
    assert.equal((await reader.next()).done, true)
  })

  it('cancels when its reader leaves early, once, and lets go of whoever waits', async () => {
    const { reader, cancelled } = open()
    const waiting = reader.next()
    await reader.return()
    assert.equal((await waiting).done, true)
    await reader.return()
    assert.equal(cancelled(), 1)
    const { reader: ended, cancelled: never } = open()
    ended.end()
    await ended.return()
    assert.equal(never(), 0)
  })

  it('stops its sender until there is room, and ends its wait when it is closed', async () => {
    const window = new PartWindow()
    for (let i = 0; i < PART_WINDOW.parts; i++) window.spend(1)
    assert.equal(window.open, false)
    const wait = window.wait()
    window.raise(1, 1)
    await wait
    window.spend(1)
    const closed = window.wait()
    window.close(new Error('over'))
    await assert.rejects(closed, /over/)
    await assert.rejects(window.wait(), /over/)
  })
})

describe('paused flows', () => {
  it('hold back their own senders, until whoever paused them resumes or is forgotten', async () => {
    const paused = new PausedFlows()
    const [lane, other] = [{}, {}]
    paused.pause('a', 'x y', lane)
    paused.pause('a b', 'y', lane)
    assert.equal(paused.waitFor('a', 'z'), undefined)
    const waits = [paused.waitFor('a', 'x y'), paused.waitFor('a b', 'y')]
    paused.resume('a', 'x y', lane)
    await waits[0]
    assert.equal(paused.waitFor('a', 'x y'), undefined)
    assert.notEqual(paused.waitFor('a b', 'y'), undefined)
    paused.forget('a', lane)
    paused.forget('a b', other)
    assert.notEqual(paused.waitFor('a b', 'y'), undefined)
    paused.forget('a b', lane)
    await waits[1]
    assert.equal(paused.size, 0)
  })

  it('wait for each of those who paused them, as often as each did', () => {
    const paused = new PausedFlows()
    const [lane, other, stranger] = [{}, {}, {}]
    for (const holder of [lane, other, lane]) paused.pause('a', 'x', holder)
    paused.pause('a', 'y', other)
    paused.resume('a', 'x', stranger)
    paused.forget('a', lane)
    assert.notEqual(paused.waitFor('a', 'x'), undefined, 'one lane closed, the other still asks')
    paused.resume('a', 'x', other)
    assert.equal(paused.waitFor('a', 'x'), undefined)
    assert.notEqual(paused.waitFor('a', 'y'), undefined)
    paused.forgetAll()
    assert.equal(paused.size, 0)
  })

  it('are bounded for each peer', () => {
    const paused = new PausedFlows()
    const lane = {}
    for (let i = 0; i < 20_000; i++) paused.pause('rogue', `${i}`, lane)
    assert.equal(paused.waitFor('rogue', '19999'), undefined)
    paused.pause('honest', 'x', lane)
    assert.notEqual(paused.waitFor('honest', 'x'), undefined)
  })
})
