import assert from 'node:assert/strict'
import fc from 'fast-check'
import { EventQueue } from '../../src/testing/event-queue.ts'
import { Time } from '../../src/testing/time.ts'

describe('virtual time', () => {
  it('runs events in the order of their time, and of their birth where times are equal', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (times) => {
        const queue = new EventQueue()
        times.forEach((at, order) => {
          queue.push({ at, order, run: () => undefined })
        })
        const popped = times.map(() => queue.pop()!)
        const expected = times.map((at, order) => ({ at, order })).sort((a, b) => a.at - b.at || a.order - b.order)
        assert.deepEqual(
          popped.map(({ at, order }) => ({ at, order })),
          expected
        )
        assert.equal(queue.size, 0)
      })
    )
  })

  it('stands still until it is advanced', async () => {
    const time = new Time()
    const clock = time.clock()
    const fired: number[] = []
    for (const ms of [30, 10, 20]) clock.after(ms, () => fired.push(clock.monotonic()))
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(fired, [])
    await time.advance(25)
    assert.deepEqual(fired, [10, 20])
    assert.equal(clock.monotonic(), 25)
    assert.equal(clock.now(), Date.UTC(2026, 0, 1) + 25)
  })

  it('lets promises settle between two events of one moment', async () => {
    const time = new Time()
    const clock = time.clock()
    const steps: string[] = []
    clock.after(1, async () => {
      for (let i = 0; i < 20; i++) await undefined
      steps.push('continuation of the first')
    })
    clock.after(1, () => steps.push('second'))
    await time.advance(1)
    assert.deepEqual(steps, ['continuation of the first', 'second'])
  })

  it('ends a turn after everything that was due at the moment', async () => {
    const time = new Time()
    const clock = time.clock()
    const steps: string[] = []
    clock.after(5, () => {
      steps.push('first')
      clock.endOfTurn(() => steps.push(`end of turn at ${clock.monotonic()}`))
    })
    clock.after(5, () => steps.push('second'))
    await time.advance(10)
    assert.deepEqual(steps, ['first', 'second', 'end of turn at 5'])
  })

  it('fires no cancelled timer, and none of a stopped clock', async () => {
    const time = new Time()
    const [clock, other] = [time.clock(), time.clock()]
    const fired: string[] = []
    clock.after(1, () => fired.push('cancelled')).cancel()
    clock.after(2, () => fired.push('stopped'))
    other.after(3, () => fired.push('other'))
    clock.stop()
    await time.advance(10)
    assert.deepEqual(fired, ['other'])
  })

  it('throws from advance what an event throws', async () => {
    const time = new Time()
    time.clock().after(1, () => {
      throw new Error('a driver broke')
    })
    await assert.rejects(time.advance(5), /a driver broke/)
    await time.advance(5)
  })

  describe('run', () => {
    it('advances until the promise settles, and no further', async () => {
      const time = new Time()
      const clock = time.clock()
      const promise = new Promise((resolve) => clock.after(700, () => resolve('done')))
      clock.after(701, () => assert.fail('time ran on'))
      assert.equal(await time.run(promise, 1_000), 'done')
      assert.equal(time.now, 700)
    })

    it('rethrows what the promise rejects with', async () => {
      const time = new Time()
      const promise = new Promise((_, reject) => time.clock().after(5, () => reject(new Error('no'))))
      await assert.rejects(time.run(promise, 1_000), /^Error: no$/)
    })

    it('gives up at its limit of virtual time', async () => {
      const time = new Time()
      const clock = time.clock()
      const tick = () => void clock.after(100, tick)
      tick()
      await assert.rejects(time.run(new Promise(() => undefined), 1_000), { code: 'ERR_TIMEOUT' })
      assert.equal(time.now, 1_000)
    })

    it('gives up when nothing is left to happen', async () => {
      await assert.rejects(new Time().run(new Promise(() => undefined), 1_000), { code: 'ERR_TIMEOUT' })
    })

    it('refuses a second advance at the same time', async () => {
      const time = new Time()
      const first = time.advance(10)
      await assert.rejects(time.advance(10), { code: 'ERR_CONFIG' })
      await first
    })
  })
})
