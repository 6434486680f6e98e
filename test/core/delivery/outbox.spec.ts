import assert from 'node:assert/strict'
import { Outbox, type OutboxEffect, type Parcel } from '../../../src/core/delivery/outbox.ts'
import { seededDice } from '../../../src/testing/dice.ts'

interface Letter extends Parcel {
  name: number
}

function letter(name: number, over: Partial<Parcel> = {}): Letter {
  return {
    name,
    policy: { strategy: 'fixed', maxRetries: 3 },
    expires: Number.POSITIVE_INFINITY,
    attempts: 0,
    spared: 0,
    state: 'new',
    at: 0,
    slot: -1,
    failure: undefined,
    ...over
  }
}

/** An outbox and what it has said, as text. */
function bench(random = () => 0.5) {
  const outbox = new Outbox<Letter>(random)
  const effects: OutboxEffect<Letter>[] = []
  const take = (): string[] =>
    effects.splice(0).map((effect) => (effect.kind === 'given-up' ? `given-up ${effect.code}` : effect.kind))
  return { outbox, effects, take }
}

describe('the outbox', () => {
  it('tries again until acknowledged', () => {
    const { outbox, effects, take } = bench()
    const parcel = letter(1)
    outbox.handle({ kind: 'send', parcel }, 0, effects)
    outbox.handle({ kind: 'failed', parcel, error: 'lost' }, 10, effects)
    assert.equal(outbox.wakeAt, 110)
    outbox.handle({ kind: 'tick' }, 109, effects)
    assert.deepEqual(take(), ['transmit'])
    outbox.handle({ kind: 'tick' }, 110, effects)
    outbox.handle({ kind: 'acknowledged', parcel }, 120, effects)
    assert.deepEqual(take(), ['transmit', 'done'])
    assert.equal(outbox.size, 0)
    assert.equal(outbox.wakeAt, Number.POSITIVE_INFINITY)
  })

  it('takes a late acknowledgement for what waits for its next attempt, and only once', () => {
    const { outbox, effects, take } = bench()
    const parcel = letter(1)
    outbox.handle({ kind: 'send', parcel }, 0, effects)
    outbox.handle({ kind: 'failed', parcel, error: 'slow' }, 10, effects)
    outbox.handle({ kind: 'acknowledged', parcel }, 20, effects)
    outbox.handle({ kind: 'acknowledged', parcel }, 21, effects)
    outbox.handle({ kind: 'failed', parcel, error: 'later' }, 22, effects)
    outbox.handle({ kind: 'tick' }, 1_000, effects)
    assert.deepEqual(take(), ['transmit', 'done'])
    assert.equal(outbox.size, 0)
  })

  it('ends what nobody acknowledges at its time to live, in flight or waiting', () => {
    const { outbox, effects, take } = bench()
    outbox.handle({ kind: 'send', parcel: letter(1, { expires: 500 }) }, 0, effects)
    assert.equal(outbox.wakeAt, 500)
    outbox.handle({ kind: 'tick' }, 500, effects)
    assert.deepEqual(take(), ['transmit', 'given-up ERR_TTL'])
    const waiting = letter(2, { expires: 1_050 })
    outbox.handle({ kind: 'send', parcel: waiting }, 1_000, effects)
    outbox.handle({ kind: 'failed', parcel: waiting, error: 'lost' }, 1_001, effects)
    assert.deepEqual(take(), ['transmit', 'given-up ERR_TTL'], 'the next attempt would come too late')
    assert.equal(outbox.size, 0)
  })

  it('heeds a delay that was asked for, and takes nonsense for none', () => {
    for (const [delay, wakeAt] of [
      [0, 0],
      [7_000, 7_000],
      [-1, 100],
      [Number.NaN, 100],
      [Number.POSITIVE_INFINITY, 86_400_000]
    ] as const) {
      const { outbox, effects } = bench()
      const parcel = letter(1)
      outbox.handle({ kind: 'send', parcel }, 0, effects)
      outbox.handle({ kind: 'failed', parcel, error: 'no', delay }, 0, effects)
      assert.equal(outbox.wakeAt, wakeAt, `delay ${delay}`)
    }
  })

  it('gives up at once what is final, and at its close what waits', () => {
    const { outbox, effects, take } = bench()
    const [final, waiting, flying] = [letter(1), letter(2), letter(3)]
    for (const parcel of [final, waiting, flying]) outbox.handle({ kind: 'send', parcel }, 0, effects)
    outbox.handle({ kind: 'failed', parcel: final, error: 'never', final: true }, 1, effects)
    outbox.handle({ kind: 'failed', parcel: waiting, error: 'later' }, 1, effects)
    take()
    outbox.handle({ kind: 'close', error: 'stopped' }, 2, effects)
    assert.deepEqual(effects, [{ kind: 'given-up', parcel: waiting, code: undefined, error: 'stopped' }])
    assert.equal(outbox.size, 1)
  })

  it('tries nothing again once it is closed: what was in flight ends with its attempt, what comes later at once', () => {
    const { outbox, effects, take } = bench()
    const [lost, heard, late] = [letter(1), letter(2), letter(3)]
    for (const parcel of [lost, heard]) outbox.handle({ kind: 'send', parcel }, 0, effects)
    outbox.handle({ kind: 'close', error: 'stopped' }, 1, effects)
    assert.deepEqual(take(), ['transmit', 'transmit'])
    outbox.handle({ kind: 'failed', parcel: lost, error: 'lost' }, 2, effects)
    outbox.handle({ kind: 'acknowledged', parcel: heard }, 2, effects)
    outbox.handle({ kind: 'send', parcel: late }, 3, effects)
    assert.deepEqual(effects, [
      { kind: 'given-up', parcel: lost, code: undefined, error: 'stopped' },
      { kind: 'done', parcel: heard },
      { kind: 'given-up', parcel: late, code: undefined, error: 'stopped' }
    ])
    assert.deepEqual([outbox.size, outbox.wakeAt], [0, Number.POSITIVE_INFINITY])
  })

  const only = process.env['SEED']
  it('brings every parcel to exactly one end, over many seeds', () => {
    const seeds = only === undefined ? Array.from({ length: 300 }, (_, i) => `${i}`) : [only]
    for (const seed of seeds) {
      try {
        simulate(seed)
      } catch (error) {
        throw new Error(`SEED=${seed}`, { cause: error })
      }
    }
  })
})

/** A world in which each attempt is acknowledged, refused, lost, or acknowledged late, by chance. */
function simulate(seed: string): void {
  const { random } = seededDice(`outbox/${seed}`)
  const chance = (share: number): boolean => random() < share
  const outbox = new Outbox<Letter>(random)
  const ends = new Map<number, string>()
  let now = 0
  const agenda: { at: number; run: () => void }[] = []
  const later = (ms: number, run: () => void): unknown => agenda.push({ at: now + ms, run })
  const sink = {
    push(effect: OutboxEffect<Letter>): void {
      const { parcel } = effect
      if (effect.kind !== 'transmit') {
        assert.equal(ends.has(parcel.name), false, `${parcel.name} ended twice`)
        assert.equal(parcel.state, 'settled')
        ends.set(parcel.name, effect.kind === 'done' ? 'done' : `${effect.code}`)
        if (effect.kind === 'given-up' && effect.code === 'ERR_MAX_RETRIES') {
          assert.equal(parcel.attempts, parcel.policy.maxRetries + 1)
        }
        return
      }
      assert.equal(ends.has(parcel.name), false, `${parcel.name} transmitted after its end`)
      assert.ok(parcel.attempts <= parcel.policy.maxRetries + 1)
      assert.ok(now < parcel.expires || parcel.attempts === 1)
      const fail = (): void => outbox.handle({ kind: 'failed', parcel, error: 'no', final: chance(0.05) }, now, sink)
      const acknowledge = (): void => outbox.handle({ kind: 'acknowledged', parcel }, now, sink)
      if (chance(0.3)) later(random() * 100, acknowledge)
      else if (chance(0.2)) fail()
      else {
        later(random() * 300, fail)
        if (chance(0.2)) later(random() * 2_000, acknowledge)
      }
    }
  }
  const parcels = Array.from({ length: 100 }, (_, name) =>
    letter(name, {
      policy: { strategy: 'exponential', maxRetries: Math.floor(random() * 5) },
      expires: chance(0.4) ? random() * 3_000 : Number.POSITIVE_INFINITY
    })
  )
  for (const parcel of parcels) later(random() * 2_000, () => outbox.handle({ kind: 'send', parcel }, now, sink))
  for (let steps = 0; agenda.length > 0 || outbox.wakeAt < Number.POSITIVE_INFINITY; steps++) {
    assert.ok(steps < 10_000, 'it never comes to rest')
    agenda.sort((a, b) => a.at - b.at)
    if (outbox.wakeAt <= (agenda[0]?.at ?? Number.POSITIVE_INFINITY)) {
      now = Math.max(now, outbox.wakeAt)
      outbox.handle({ kind: 'tick' }, now, sink)
    } else {
      const event = agenda.shift()!
      now = event.at
      event.run()
    }
  }
  assert.equal(ends.size, parcels.length)
  assert.equal(outbox.size, 0)
}
