import assert from 'node:assert/strict'
import { systemClock } from '../../../src/runtime/system/clock.ts'
import { systemDice } from '../../../src/runtime/system/dice.ts'

describe('the system clock', () => {
  it('calls once after a wait, and not when cancelled', async () => {
    const called: string[] = []
    systemClock.after(5, () => called.push('cancelled')).cancel()
    await new Promise<void>((resolve) => {
      // The timer is unreferenced: something else must keep the loop alive.
      const alive = setInterval(() => {}, 1_000)
      systemClock.after(10, () => {
        clearInterval(alive)
        called.push('fired')
        resolve()
      })
    })
    assert.deepEqual(called, ['fired'])
  })

  it('does not fire at once when asked to wait longer than Node can', async () => {
    let fired = false
    const timer = systemClock.after(2 ** 40, () => {
      fired = true
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    timer.cancel()
    assert.equal(fired, false)
  })

  it('ends the turn after its promises', async () => {
    const order: string[] = []
    await new Promise<void>((resolve) => {
      systemClock.endOfTurn(() => {
        order.push('end')
        resolve()
      })
      Promise.resolve().then(() => order.push('promise'))
      order.push('now')
    })
    assert.deepEqual(order, ['now', 'promise', 'end'])
  })

  it('has a monotonic time with fractions', () => {
    const first = systemClock.monotonic()
    assert.ok(systemClock.monotonic() >= first)
    assert.ok(systemClock.now() > Date.UTC(2020))
  })
})

describe('the system dice', () => {
  it('draws uniformly in [0, 1)', () => {
    const buckets = Array<number>(10).fill(0)
    for (let i = 0; i < 20_000; i++) {
      const drawn = systemDice.random()
      assert.ok(drawn >= 0 && drawn < 1)
      buckets[Math.floor(drawn * 10)]!++
    }
    // Ten standard deviations: a fair generator fails this once in 10²².
    for (const count of buckets) assert.ok(Math.abs(count - 2_000) < 425, buckets.join(' '))
  })

  it('gives as many bytes as asked, never the same twice', () => {
    assert.equal(systemDice.bytes(16).length, 16)
    assert.notDeepEqual(systemDice.bytes(16), systemDice.bytes(16))
  })
})
