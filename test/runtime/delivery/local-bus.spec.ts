import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { LocalBus } from '../../../src/runtime/delivery/local-bus.ts'
import { systemClock } from '../../../src/runtime/system/clock.ts'

describe('delivery between agents of one node', () => {
  it('keeps the order of sending, and is never in the call that sends', async () => {
    const bus = new LocalBus(systemClock)
    const ran: number[] = []
    for (let i = 0; i < 1_000; i++) {
      bus.post(() => {
        ran.push(i)
        if (i === 3) bus.post(() => ran.push(1_000))
      })
      if (i % 7 === 0) await null
    }
    assert.ok(!ran.includes(999))
    await turn()
    await turn()
    assert.deepEqual(
      [...ran].sort((a, b) => a - b),
      Array.from({ length: 1_001 }, (_, i) => i)
    )
    assert.deepEqual(
      ran.filter((i) => i < 1_000),
      Array.from({ length: 1_000 }, (_, i) => i)
    )
  })

  it('lets others run beside two that answer each other without end', async () => {
    const bus = new LocalBus(systemClock)
    let going = true
    const again = (): void => {
      if (going) bus.post(again)
    }
    again()
    await turn()
    going = false
  })

  it('waits for the end of the turn the more often, the longer what it runs takes, many at a time or one', async () => {
    const endsFor = async (ms: number, together: number): Promise<number> => {
      let now = 0
      let ends = 0
      let left = 1_024
      const { promise, resolve } = Promise.withResolvers<number>()
      const endOfTurn = (fn: () => void): void => {
        ends++
        setImmediate(fn)
      }
      const bus = new LocalBus({ monotonic: () => now, endOfTurn })
      const task = (): void => {
        now += ms
        if (--left === 0) resolve(ends)
        else if (left % together === 0) for (let i = 0; i < together; i++) bus.post(task)
      }
      for (let i = 0; i < together; i++) bus.post(task)
      return promise
    }
    assert.equal(await endsFor(0, 1), 0)
    assert.equal(await endsFor(0.1, 1), 3)
    assert.equal(await endsFor(1, 1), 15)
    assert.equal(await endsFor(1, 64), 15)
  })
})
