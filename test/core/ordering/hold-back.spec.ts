import assert from 'node:assert/strict'
import fc from 'fast-check'
import { HoldBack, type HoldBackEffect, type Placed } from '../../../src/core/ordering/hold-back.ts'

interface Item extends Placed {
  readonly id: string
}

const GAP = 100

function ground(waiting = 10, sequences = 10) {
  const machine = new HoldBack<Item>({ gapTimeout: GAP, waiting, sequences })
  const told: string[] = []
  const sink = {
    push: (effect: HoldBackEffect<Item>) => {
      if (effect.kind === 'void') told.push(`void ${effect.sequence} ${effect.from}-${effect.to}`)
      else if (effect.kind === 'deliver') told.push(`deliver ${effect.item.id}`)
      else told.push(`${effect.reason} ${effect.item.id}`)
    }
  }
  const take = () => told.splice(0)
  const item = (number: number, settled = 0, sequence = 's', copy = ''): Item => {
    return { sequence, number, settled, id: `${sequence}${number}${copy}` }
  }
  return {
    ...{ machine, sink, take, item },
    arrive: (one: Item, now = 0) => {
      machine.arrive(one, now, sink)
      return take()
    },
    ended: (number: number, over: boolean, now = 0, sequence = 's') => {
      machine.ended(item(number, 0, sequence), over, now, sink)
      return take()
    },
    tick: (now: number) => {
      machine.tick(now, sink)
      return take()
    }
  }
}

describe('a hold-back queue', () => {
  it('hands out a number once the one before has met its end', () => {
    const { machine, arrive, ended, item } = ground()
    assert.deepEqual(arrive(item(3)), [])
    assert.deepEqual(arrive(item(1)), ['deliver s1'])
    assert.deepEqual(arrive(item(2)), [])
    assert.equal(machine.waiting, 2)
    assert.deepEqual(ended(1, true), ['deliver s2'])
    assert.deepEqual(ended(2, true), ['deliver s3'])
    assert.deepEqual([machine.waiting, machine.wakeAt], [0, Number.POSITIVE_INFINITY])
  })

  it('keeps sequences apart', () => {
    const { arrive, item } = ground()
    assert.deepEqual(arrive(item(2, 0, 'a')), [])
    assert.deepEqual(arrive(item(1, 0, 'b')), ['deliver b1'])
    assert.deepEqual(arrive(item(1, 0, 'a')), ['deliver a1'])
  })

  it('lets what failed come again before the next, and waits no longer than for what is missing', () => {
    const { arrive, ended, tick, item, machine } = ground()
    arrive(item(1))
    arrive(item(2))
    assert.equal(machine.wakeAt, Number.POSITIVE_INFINITY)
    assert.deepEqual(ended(1, false, 10), [])
    assert.equal(machine.wakeAt, 10 + GAP)
    assert.deepEqual(arrive(item(1), 50), ['deliver s1'])
    assert.deepEqual(ended(1, false, 60), [])
    assert.deepEqual(tick(60 + GAP), ['void s 1-1', 'deliver s2'])
    assert.deepEqual(arrive(item(1), 200), ['void s1'])
  })

  it('voids what is missing for too long, and refuses it when it comes', () => {
    const { arrive, ended, tick, item, machine } = ground()
    arrive(item(4), 5)
    arrive(item(6), 50)
    assert.deepEqual(tick(5 + GAP - 1), [])
    assert.deepEqual(tick(5 + GAP), ['void s 1-3', 'deliver s4'])
    assert.deepEqual(arrive(item(2), 110), ['void s2'])
    assert.deepEqual(ended(4, true, 120), [])
    assert.equal(machine.wakeAt, 120 + GAP)
    assert.deepEqual(arrive(item(5), 130), ['deliver s5'])
    assert.deepEqual(ended(5, true, 130), ['deliver s6'])
  })

  it('begins behind what a sender knows to be settled, and passes over what is', () => {
    const { arrive, ended, item, machine } = ground()
    assert.deepEqual(arrive(item(8, 7)), ['deliver s8'])
    assert.deepEqual(ended(8, true), [])
    assert.deepEqual(arrive(item(10)), [])
    assert.deepEqual(arrive(item(13, 11)), ['void s10'])
    assert.deepEqual(arrive(item(9)), ['void s9'])
    assert.deepEqual(arrive(item(12, 11)), ['deliver s12'])
    assert.equal(machine.waiting, 1)
  })

  it('has one at work, whatever others know', () => {
    const { arrive, ended, item } = ground()
    arrive(item(1))
    assert.deepEqual(arrive(item(3, 2)), [])
    assert.deepEqual(ended(1, false), ['deliver s3'])
  })

  it('holds one copy of a number, and the second does no harm', () => {
    const { arrive, ended, item, machine } = ground()
    arrive(item(1))
    arrive(item(2, 0, 's', 'a'))
    assert.deepEqual(arrive(item(2, 0, 's', 'b')), ['full s2a'])
    assert.deepEqual(arrive(item(1, 0, 's', 'b')), ['full s1b'])
    assert.equal(machine.waiting, 1)
    assert.deepEqual(ended(1, true), ['deliver s2b'])
    assert.deepEqual(ended(1, true), [])
  })

  it('is bounded: what is next is taken all the same', () => {
    const { arrive, item, machine } = ground(2)
    arrive(item(3))
    arrive(item(2, 0, 'b'))
    assert.deepEqual(arrive(item(4)), ['full s4'])
    assert.deepEqual(arrive(item(1)), ['deliver s1'])
    assert.deepEqual(
      machine.clear().map(({ id }) => id),
      ['b2', 's3']
    )
    assert.deepEqual([machine.waiting, machine.wakeAt], [0, Number.POSITIVE_INFINITY])
  })

  it('forgets the sequence that was idle longest', () => {
    const { arrive, ended, item } = ground(10, 2)
    for (const name of ['a', 'b']) {
      arrive(item(1, 0, name))
      ended(1, true, 0, name)
    }
    arrive(item(2, 0, 'a'))
    arrive(item(1, 0, 'c'))
    // 'b' is known no more, 'a' still is.
    assert.deepEqual(ended(2, true, 0, 'a'), [])
    assert.deepEqual(arrive(item(3, 0, 'a')), ['deliver a3'])
  })

  it('hands out thousands that are over at once', () => {
    const machine = new HoldBack<Item>({ gapTimeout: GAP, waiting: 20_000, sequences: 1 })
    const order: number[] = []
    const sink = {
      push: (effect: HoldBackEffect<Item>) => {
        if (effect.kind !== 'deliver') return
        order.push(effect.item.number)
        machine.ended(effect.item, true, 0, sink)
      }
    }
    const numbers = Array.from({ length: 10_000 }, (_, i) => i + 1)
    for (const number of numbers.toReversed()) {
      machine.arrive({ sequence: 's', number, settled: 0, id: '' }, 0, sink)
    }
    assert.deepEqual(order, numbers)
  })

  it('hands out in order and nothing that is void, whatever comes when and fails', () => {
    const move = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('arrive'), number: fc.integer({ min: 1, max: 12 }) }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('ended'), over: fc.boolean() }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.integer({ min: 1, max: 2 * GAP }) }) }
    )
    fc.assert(
      fc.property(fc.array(move, { maxLength: 80 }), (moves) => judge(moves as Move[])),
      { numRuns: 1_000 }
    )
  })
})

type Move = { kind: 'arrive'; number: number } | { kind: 'ended'; over: boolean } | { kind: 'pass'; ms: number }

/** One host that sees all of a sequence; senders know what has been handled. */
function judge(moves: readonly Move[]): void {
  const machine = new HoldBack<Item>({ gapTimeout: GAP, waiting: 5, sequences: 5 })
  const over = new Set<number>()
  const voids = new Set<number>()
  const here = new Map<string, Item>()
  let running: Item | undefined
  let now = 0
  let serial = 0
  const settled = () => Math.max(0, ...over)
  const sink = {
    push: (effect: HoldBackEffect<Item>) => {
      if (effect.kind === 'void') {
        for (let number = effect.from; number <= effect.to; number++) {
          assert(!over.has(number), 'what was handled is not void')
          voids.add(number)
        }
        return
      }
      const { item } = effect
      assert(here.delete(item.id), 'each that came is dealt with once')
      if (effect.kind === 'refuse') return
      const { number } = item
      assert.equal(running, undefined, 'one is at work')
      assert(!voids.has(number), 'nothing void is handed out')
      for (let before = 1; before < number; before++) {
        assert(over.has(before) || voids.has(before), `${before} has met its end before ${number}`)
      }
      running = item
    }
  }
  const arrive = (number: number): void => {
    const item = { sequence: 's', number, settled: Math.min(settled(), number - 1), id: `${serial++}` }
    here.set(item.id, item)
    machine.arrive(item, now, sink)
  }
  const end = (isOver: boolean): void => {
    if (running === undefined) return
    const item = running
    running = undefined
    if (isOver) over.add(item.number)
    machine.ended(item, isOver, now, sink)
  }
  for (const move of moves) {
    if (move.kind === 'arrive') {
      // The receiver recognises what it has handled.
      if (!over.has(move.number) && running?.number !== move.number) arrive(move.number)
    } else if (move.kind === 'ended') end(move.over)
    else {
      now += move.ms
      machine.tick(now, sink)
    }
    assert(machine.waiting <= 5)
    assert.equal(machine.waiting, here.size)
    assert.equal(machine.wakeAt < Number.POSITIVE_INFINITY, running === undefined && here.size > 0)
  }
  // All that is left goes out in the end.
  while (running !== undefined || here.size > 0) {
    end(true)
    now += GAP
    machine.tick(now, sink)
  }
}
