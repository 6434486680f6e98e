import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Circuit, type CircuitEvent } from '../../../src/core/routing/circuit.ts'
import { ROUTING_DEFAULTS } from '../../../src/core/routing/settings.ts'
import { seeded } from '../seeded.ts'

const settings = ROUTING_DEFAULTS.circuit

function circuit(random = () => 1, overrides = {}) {
  const events: CircuitEvent[] = []
  return { events, circuit: new Circuit('peer', 'worker', { ...settings, ...overrides }, random, events) }
}

function fail(target: Circuit, times: number, now = 0) {
  for (let i = 0; i < times; i++) target.failed(now)
}

describe('core/routing: circuit breaker', () => {
  it('opens on consecutive failures and refuses until the cool-down is over', () => {
    const { circuit: target, events } = circuit()
    fail(target, settings.consecutiveFailures - 1)
    assert.equal(target.state, 'closed')
    fail(target, 1, 100)
    assert.deepEqual(events, [
      { kind: 'circuit-opened', peer: 'peer', agent: 'worker', failures: settings.consecutiveFailures, coolDown: 1_000 }
    ])
    assert.equal(target.admits(1_099), false)
    assert.equal(target.admits(1_100), true)
  })

  it('opens on the failure rate of the window although no five fail in a row', () => {
    const { circuit: target } = circuit()
    let calls = 0
    while (target.state === 'closed' && calls < settings.window) {
      if (calls++ % 2 === 0) target.succeeded()
      else target.failed(0)
    }
    assert.equal(calls, settings.minimumCalls)
    assert.equal(target.state, 'open')
  })

  it('stays closed below the rate', () => {
    const { circuit: target } = circuit()
    for (let calls = 0; calls < 1_000; calls++) calls % 3 === 0 ? target.failed(0) : target.succeeded()
    assert.equal(target.state, 'closed')
  })

  it('lets one probe through while half open, and closes on its success', () => {
    const { circuit: target, events } = circuit()
    fail(target, 5)
    target.enter(1_000)
    assert.equal(target.state, 'half-open')
    assert.equal(target.admits(1_001), false)
    target.succeeded()
    assert.equal(target.state, 'closed')
    assert.deepEqual(
      events.map((event) => event.kind),
      ['circuit-opened', 'circuit-half-opened', 'circuit-closed']
    )
  })

  it('cools down longer after each failed probe, up to the limit', () => {
    const { circuit: target, events } = circuit()
    fail(target, 5)
    for (let i = 0; i < 8; i++) {
      target.enter(target.retryAt)
      target.failed(target.retryAt)
    }
    const coolDowns = events.flatMap((event) => (event.kind === 'circuit-opened' ? [event.coolDown] : []))
    assert.deepEqual(coolDowns, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000])
  })

  it('jitters the cool-down between half and all of it', () => {
    const seen = new Set<number>()
    for (let seed = 0; seed < 50; seed++) {
      const { circuit: target } = circuit(seeded(seed))
      fail(target, 5)
      assert.ok(target.retryAt >= 500 && target.retryAt <= 1_000)
      seen.add(target.retryAt)
    }
    assert.ok(seen.size > 40)
  })

  it('gives an unanswered probe’s slot back after its timeout, an abandoned one’s at once', () => {
    const { circuit: target } = circuit()
    fail(target, 5)
    target.enter(1_000)
    target.abandoned()
    assert.equal(target.admits(1_001), true)
    target.enter(1_001)
    assert.equal(target.admits(1_001 + settings.probeTimeout - 1), false)
    assert.equal(target.admits(1_001 + settings.probeTimeout), true)
  })

  it('ignores answers to calls from before it opened', () => {
    const { circuit: target, events } = circuit()
    fail(target, 9)
    target.succeeded()
    assert.equal(target.state, 'open')
    assert.equal(events.length, 1)
  })

  it('never has more probes under way than allowed, whatever happens', () => {
    const step = fc.oneof(
      fc.constant('call' as const),
      fc.constant('success' as const),
      fc.constant('failure' as const),
      fc.constant('abandon' as const)
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(step, fc.nat(400)), { maxLength: 200 }),
        fc.integer({ min: 1, max: 4 }),
        (steps, probes) => {
          const { circuit: target, events } = circuit(() => 0.5, { probes, probeTimeout: 1e9 })
          let now = 0
          let underWay = 0
          for (const [kind, wait] of steps) {
            now += wait
            const before = target.state
            if (kind === 'call') {
              if (!target.admits(now)) continue
              target.enter(now)
              underWay = before === 'half-open' ? underWay + 1 : 1
              if (target.state === 'half-open') assert.ok(underWay <= probes)
            } else if (kind === 'failure') target.failed(now)
            else if (before !== 'half-open' || underWay > 0) {
              kind === 'success' ? target.succeeded() : target.abandoned()
              if (kind === 'abandon') underWay--
            }
          }
          const allowed = {
            'circuit-opened': 'circuit-half-opened',
            'circuit-half-opened': '',
            'circuit-closed': 'circuit-opened'
          }
          for (let i = 1; i < events.length; i++) {
            const next = allowed[events[i - 1]!.kind]
            if (next !== '') assert.equal(events[i]!.kind, next)
            else assert.notEqual(events[i]!.kind, 'circuit-half-opened')
          }
        }
      )
    )
  })
})
