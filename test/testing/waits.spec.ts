import assert from 'node:assert/strict'
import { Time } from '../../src/testing/time.ts'
import { Waits } from '../../src/testing/waits.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A time that always has something to come, each second. */
function ticking(): { time: Time; waits: Waits; owner: object; later(ms: number): Promise<void> } {
  const time = new Time()
  const tick = () => void time.at(time.now + 1_000, tick)
  tick()
  return {
    time,
    waits: new Waits(time),
    owner: {},
    later: (ms) => new Promise((resolve) => void time.at(time.now + ms, resolve))
  }
}

/** Turns of the event loop until time stands still, which it does only where it does not move in many of them. */
async function still(time: Time): Promise<void> {
  for (let before = -1; before !== time.now; ) {
    before = time.now
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('time that passes by itself', () => {
  it('passes until a call has settled, and its caller goes on at that moment', async () => {
    const { time, waits, owner, later } = ticking()
    await waits.follow(owner, 'call', later(2_500))
    assert.equal(time.now, 2_500)
    await waits.follow(owner, 'call', later(500))
    assert.equal(time.now, 3_000)
    await still(time)
    assert.equal(time.now, 3_000)
  })

  it('hands on what a call rejects with', async () => {
    const { time, waits, owner, later } = ticking()
    const refused = new Error('no')
    const call = later(10).then(() => Promise.reject(refused))
    await assert.rejects(waits.follow(owner, 'call', call), (error) => error === refused)
    assert.equal(time.now, 10)
  })

  it('is moved by an advance alone while one is under way, and between two of them', async () => {
    const { time, waits, owner, later } = ticking()
    const call = waits.follow(owner, 'call', later(10_000))
    for (const expected of [1_500, 3_000, 4_500]) {
      await time.advance(1_500)
      assert.equal(time.now, expected)
    }
    await call
    assert.equal(time.now, 10_000)
  })

  it('gives way to an advance in the middle', async () => {
    const { time, waits, owner, later } = ticking()
    const call = waits.follow(owner, 'call', later(10_000))
    await new Promise((resolve) => void time.at(2_500, () => resolve(undefined)))
    await time.advance(100)
    assert.equal(time.now, 2_600)
    assert.equal(await time.run(Promise.resolve('run'), 1_000), 'run')
    assert.equal(time.now, 2_600)
    await call
  })

  it('passes for a reader through a minute in which nothing comes, and not on', async () => {
    const { time, waits, owner, later } = ticking()
    void waits.follow(owner, 'reading', new Promise(() => {}))
    await still(time)
    assert.equal(time.now, MINUTE)
    const second = waits.follow(owner, 'reading', later(MINUTE - 500))
    await second
    assert.equal(time.now, 2 * MINUTE - 500)
    await still(time)
    assert.equal(time.now, 3 * MINUTE - 500 - 500)
  })

  it('does not leap past that minute to an event far away', async () => {
    const time = new Time()
    const waits = new Waits(time)
    time.at(10 * MINUTE, () => assert.fail('time leapt'))
    void waits.follow({}, 'reading', new Promise(() => {}))
    await still(time)
    assert.equal(time.now, 0)
  })

  it('goes on for a reader when something from outside happens', async () => {
    const { time, waits, owner } = ticking()
    void waits.follow(owner, 'reading', new Promise(() => {}))
    await still(time)
    time.at(time.now + 1, () => undefined)
    await still(time)
    assert.equal(time.now, 2 * MINUTE)
  })

  it('does not spend a reader’s patience on what is advanced', async () => {
    const { time, waits, owner } = ticking()
    void waits.follow(owner, 'reading', new Promise(() => {}))
    await time.advance(10 * MINUTE)
    await still(time)
    assert.equal(time.now, 11 * MINUTE)
  })

  it('ends an hour after the last call was made or ended, whatever parts and messages still come', async () => {
    for (const kind of ['part', 'reading'] as const) {
      const { time, waits, owner, later } = ticking()
      void (async () => {
        for (;;) await waits.follow(owner, kind, later(30_000))
      })()
      await waits.follow(owner, 'call', later(5_000))
      await still(time)
      assert.equal(time.now, HOUR + 5_000, kind)
    }
  })

  it('does not pass for what an event itself awaits: it settles when others let time pass', async () => {
    const { time, waits, owner, later } = ticking()
    const steps: number[] = []
    time.at(10, async () => {
      for (;;) {
        await waits.follow(owner, 'call', later(100))
        steps.push(time.now)
      }
    })
    await waits.follow(owner, 'call', later(350))
    await still(time)
    assert.equal(time.now, 350)
    assert.deepEqual(steps, [110, 210, 310])
  })

  it('does not pass for the dead', async () => {
    const { time, waits, owner, later } = ticking()
    void waits.follow(owner, 'call', new Promise(() => {}))
    void waits.follow(owner, 'reading', new Promise(() => {}))
    await waits.follow({}, 'call', later(1_500))
    waits.forget(owner)
    void waits.follow(owner, 'call', new Promise(() => {}))
    await still(time)
    assert.equal(time.now, 1_500)
  })
})
