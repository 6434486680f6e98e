import assert from 'node:assert/strict'
import { Alarm } from '../../src/runtime/delivery/alarm.ts'
import { LocalBus } from '../../src/runtime/delivery/local-bus.ts'
import { Turn } from '../../src/runtime/links/turn.ts'
import type { Clock } from '../../src/runtime/ports.ts'
import { systemClock } from '../../src/runtime/system/clock.ts'

/** A clock whose callbacks are run by hand: what they throw is what the process would hear of. */
class Clockwork implements Clock {
  time = 0
  due: (() => void)[] = []
  now = () => this.time
  monotonic = () => this.time
  after(_: number, fn: () => void) {
    this.due.push(fn)
    return { cancel: () => void this.due.splice(this.due.indexOf(fn) >>> 0, 1) }
  }
  endOfTurn = (fn: () => void) => void this.due.push(fn)

  fire(): unknown {
    try {
      this.due.shift()!()
    } catch (error) {
      return error
    }
    return undefined
  }
}

const broken = new Error('broken')

describe('one of several that throws', () => {
  it('at the end of a turn loses no other link its flush, and is heard of', () => {
    const clock = new Clockwork()
    const turn = new Turn(clock)
    const flushed: number[] = []
    const links = [0, 1, 2, 3].map((i) => ({
      flush: () => {
        flushed.push(i)
        if (i === 1) throw broken
      }
    }))
    turn.schedule({ flush: () => {} }, -1)
    for (const link of links) turn.schedule(link, turn.number)
    assert.equal(clock.fire(), broken)
    assert.deepEqual(flushed, [0, 1, 2, 3])
    turn.schedule(links[0]!, turn.number)
    assert.equal(clock.due.length, 1, 'the next turn ends too')
  })

  it('at a deadline loses no other its own, now or later; of several all are heard of', () => {
    const clock = new Clockwork()
    const late: number[] = []
    const alarm = new Alarm<{ at: number; slot: number }>(clock, ({ at }) => {
      late.push(at)
      if (at === 1 || at === 2) throw broken
    })
    for (const at of [1, 2, 3, 1_000]) alarm.add({ at, slot: -1 })
    clock.time = 100
    const error = clock.fire()
    assert.ok(error instanceof AggregateError)
    assert.deepEqual(error.errors, [broken, broken])
    assert.deepEqual(late, [1, 2, 3])
    clock.time = 2_000
    assert.equal(clock.fire(), undefined)
    assert.deepEqual(late, [1, 2, 3, 1_000])
  })

  it('on a node’s own way loses no other message', async () => {
    const bus = new LocalBus(systemClock)
    const delivered: number[] = []
    const heard = Promise.withResolvers<unknown>()
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', heard.resolve)
    try {
      for (const i of [0, 1, 2]) {
        bus.post(() => {
          delivered.push(i)
          if (i === 0) throw broken
        })
      }
      assert.equal(await heard.promise, broken)
    } finally {
      for (const listener of others) process.on('uncaughtException', listener)
    }
    assert.deepEqual(delivered, [0, 1, 2])
  })
})
