import assert from 'node:assert/strict'
import fc from 'fast-check'
import { THROTTLE_DEFAULTS } from '../../../src/core/flow/throttle.ts'
import type { CircuitEvent } from '../../../src/core/routing/circuit.ts'
import type { Member } from '../../../src/core/routing/group.ts'
import { outcomeOf } from '../../../src/core/routing/outcome.ts'
import { Router } from '../../../src/core/routing/router.ts'
import type { RoutingSettings } from '../../../src/core/routing/settings.ts'
import { seeded } from '../seeded.ts'

const self = { peer: 'self', region: 'eu', zone: 'eu-a' }
const places = {
  zone: { peer: 'zone', region: 'eu', zone: 'eu-a' },
  region: { peer: 'region', region: 'eu', zone: 'eu-b' },
  far: { peer: 'far', region: 'us', zone: 'us-a' }
}

function setUp(settings: Partial<RoutingSettings> = {}, seed = 1) {
  const events: CircuitEvent[] = []
  const router = new Router({ self, random: seeded(seed), events, settings })
  for (const place of Object.values(places)) router.place(place)
  return { router, events }
}

function spread(router: Router, calls: number, name = 'worker') {
  const counts = new Map<string, number>()
  for (let i = 0; i < calls; i++) {
    const { instance } = router.choose(name, 'job', 0)!
    counts.set(instance, (counts.get(instance) ?? 0) + 1)
  }
  return counts
}

/** Pearson's χ² of uniform choice. */
function chiSquared(counts: Map<string, number>, cells: number, total: number): number {
  const expected = total / cells
  let sum = (cells - counts.size) * expected
  for (const count of counts.values()) sum += (count - expected) ** 2 / expected
  return sum
}

function trip(router: Router, member: Member, now = 0) {
  for (let i = 0; i < 5; i++) router.report(member, 'failure', now)
}

describe('core/routing: router', () => {
  it('follows topology: node, zone, region, the rest', () => {
    const { router } = setUp()
    for (const peer of ['far', 'region', 'zone', 'self']) {
      router.add('worker', peer, `at-${peer}`)
      assert.deepEqual([...spread(router, 50).keys()], [`at-${peer}`])
    }
  })

  it('takes two nodes that named no zone or region for strangers, not neighbours', () => {
    const router = new Router({
      self: { peer: 'self', region: undefined, zone: undefined },
      random: seeded(1),
      events: []
    })
    assert.equal(router.place({ peer: 'other', region: undefined, zone: undefined }).tier, 3)
  })

  for (const [where, peers] of [
    ['on one node', ['self', 'self', 'self', 'self']],
    ['in one zone', ['z1', 'z2', 'z3', 'z4']]
  ] as const) {
    it(`spreads evenly over equal members ${where}`, () => {
      const { router } = setUp()
      for (const [i, peer] of peers.entries()) {
        router.place({ ...places.zone, peer })
        router.add('worker', peer, `w${i}`)
      }
      // 16.27: χ² with 3 degrees of freedom, p = 0.001; the dice are seeded, so this does not flicker.
      assert.ok(chiSquared(spread(router, 10_000), 4, 10_000) < 16.27)
    })
  }

  it('treats round trips that differ by jitter as equal', () => {
    const { router } = setUp()
    router.place({ ...places.zone, peer: 'z1' }).rtt = 0.3
    router.place({ ...places.zone, peer: 'z2' }).rtt = 0.4
    router.add('worker', 'z1', 'a')
    router.add('worker', 'z2', 'b')
    assert.ok(chiSquared(spread(router, 10_000), 2, 10_000) < 10.83)
  })

  it('keeps the share even among the rest when a circuit is open', () => {
    const { router } = setUp()
    for (const peer of ['z1', 'z2', 'z3', 'z4', 'z5']) {
      router.place({ ...places.zone, peer })
      router.add('worker', peer, peer)
    }
    trip(router, router.group('worker')!.member('z2', 'z2')!)
    const counts = spread(router, 12_000)
    assert.equal(counts.has('z2'), false)
    assert.ok(chiSquared(counts, 4, 12_000) < 16.27)
  })

  it('balances calls in flight within one', () => {
    const { router } = setUp({ busyInFlight: 1e9, tolerance: 0 })
    for (const instance of ['a', 'b', 'c']) router.add('worker', 'self', instance)
    for (let i = 0; i < 600; i++) router.began(router.choose('worker', 'job', 0)!, 'job')
    for (const member of router.group('worker')!.members()) assert.ok(Math.abs(member.inFlight - 200) <= 10)
  })

  it('prefers the less loaded and the closer of two in a tier', () => {
    const { router } = setUp()
    router.place({ ...places.far, peer: 'f1' }).rtt = 20
    router.place({ ...places.far, peer: 'f2' }).rtt = 80
    router.add('worker', 'f1', 'near')
    router.add('worker', 'f2', 'far')
    assert.deepEqual([...spread(router, 100).keys()], ['near'])
    router.place({ ...places.far, peer: 'f1' }).load = 0.95
    assert.deepEqual([...spread(router, 100).keys()], ['far'])
  })

  it('lets a saturated near member lose to an idle far one, and to none that costs more', () => {
    const { router } = setUp()
    const near = router.add('worker', 'self', 'near')
    router.add('worker', 'zone', 'neighbour')
    router.place(places.zone).rtt = 0.5
    near.inFlight = 256
    assert.equal(router.choose('worker', 'job', 0)!.instance, 'neighbour')
    near.inFlight = 0
    router.place(self).load = 1
    assert.equal(router.choose('worker', 'job', 0)!.instance, 'neighbour')
    router.place(self).load = 0.85
    router.place(places.zone).rtt = 500
    assert.equal(router.choose('worker', 'job', 0)!.instance, 'near')
  })

  it('falls through to the next tier when a circuit opens, probes after the cool-down, and comes back', () => {
    const { router, events } = setUp()
    const near = router.add('worker', 'self', 'near')
    router.add('worker', 'far', 'far')
    trip(router, near)
    assert.equal(router.choose('worker', 'job', 1)!.instance, 'far')
    assert.equal(router.choose('worker', 'job', 1_001)!.instance, 'near', 'the probe')
    assert.equal(router.choose('worker', 'job', 1_002)!.instance, 'far', 'one probe only')
    router.report(near, 'success', 1_003)
    assert.equal(router.choose('worker', 'job', 1_004)!.instance, 'near')
    assert.deepEqual(
      events.map((event) => [event.kind, event.peer, event.agent]),
      ['circuit-opened', 'circuit-half-opened', 'circuit-closed'].map((kind) => [kind, 'self', 'worker'])
    )
  })

  it('tells “nobody” from “all circuits open”', () => {
    const { router } = setUp()
    assert.equal(router.choose('worker', 'job', 0), undefined)
    assert.equal(router.has('worker'), false)
    trip(router, router.add('worker', 'zone', 'w'))
    assert.equal(router.choose('worker', 'job', 0), undefined)
    assert.equal(router.has('worker'), true)
    router.removePeer('zone')
    assert.equal(router.has('worker'), false)
  })

  it('honours peer, instance and avoid', () => {
    const { router } = setUp()
    const a = router.add('worker', 'self', 'a')
    router.add('worker', 'self', 'b')
    router.add('worker', 'far', 'c')
    assert.equal(router.choose('worker', 'job', 0, { peer: 'far' })!.instance, 'c')
    assert.equal(router.choose('worker', 'job', 0, { instance: 'b' })!.instance, 'b')
    assert.equal(router.choose('worker', 'job', 0, { peer: 'far', instance: 'b' }), undefined)
    for (let i = 0; i < 50; i++) assert.equal(router.choose('worker', 'job', 0, { avoid: a })!.instance, 'b')
    router.remove('worker', 'self', 'b')
    router.remove('worker', 'far', 'c')
    assert.equal(router.choose('worker', 'job', 0, { avoid: a }), a, 'better the one that failed than none')
  })

  it('bounds the table of circuits and forgets the target that was longest without trouble', () => {
    const { router } = setUp({ maxCircuits: 3 })
    const members = ['a', 'b', 'c', 'd'].map((name) => router.add(name, 'zone', name))
    for (const member of members) router.report(member, 'failure', 0)
    assert.deepEqual(
      members.map((member) => member.target.circuit !== undefined),
      [false, true, true, true]
    )
    for (let i = 0; i < 20; i++) router.report(members[1]!, 'success', 0)
    assert.equal(members[1]!.target.circuit, undefined, 'a whole window of successes')
  })

  it('ignores a failure of a target that has gone', () => {
    const { router } = setUp()
    const member = router.add('worker', 'zone', 'w')
    router.removePeer('zone')
    trip(router, member)
    assert.equal(member.target.circuit, undefined)
  })

  it('moves the members of a node that moved', () => {
    const { router } = setUp()
    router.add('worker', 'late', 'w')
    router.place({ peer: 'late', region: 'eu', zone: 'eu-a' }).rtt = 2
    assert.equal(router.choose('worker', 'job', 0)!.target.place.tier, 1)
    assert.equal(router.group('worker')!.size, 1)
  })

  it('forgets a node that nobody placed with the last agent on it, and keeps one that was placed', () => {
    const { router } = setUp()
    const before = router.places
    router.add('worker', 'stranger', 'a')
    router.add('worker', 'stranger', 'b')
    router.add('writer', 'stranger', 'c')
    router.remove('worker', 'stranger', 'a')
    router.remove('worker', 'stranger', 'b')
    assert.equal(router.places, before + 1)
    router.remove('writer', 'stranger', 'c')
    assert.equal(router.places, before)
    router.add('worker', 'stranger', 'a')
    router.place({ peer: 'stranger', region: 'eu', zone: 'eu-a' })
    router.remove('worker', 'stranger', 'a')
    assert.equal(router.places, before + 1)
  })

  it('keeps its groups equal to a plain list under any adds and removals', () => {
    const change = fc.record({
      add: fc.boolean(),
      peer: fc.constantFrom('self', 'zone', 'region', 'far'),
      instance: fc.constantFrom('1', '2', '3'),
      name: fc.constantFrom('x', 'y')
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
        const { router } = setUp()
        const model = { x: new Set<string>(), y: new Set<string>() }
        for (const { add, peer, instance, name } of changes) {
          add ? router.add(name, peer, instance) : router.remove(name, peer, instance)
          model[name as 'x'][add ? 'add' : 'delete'](`${peer}/${instance}`)
        }
        for (const name of ['x', 'y'] as const) {
          const members = [...(router.group(name)?.members() ?? [])]
          const ids = members.map((member) => `${member.target.place.peer}/${member.instance}`)
          assert.deepEqual(ids.sort(), [...model[name]].sort())
        }
      })
    )
  })
})

describe('core/routing: keys', () => {
  function ring(members: string[]) {
    const { router } = setUp()
    for (const member of members) router.add('worker', member, member)
    return (key: string) => router.choose('worker', 'job', 0, { key })!.instance
  }
  const keys = Array.from({ length: 2_000 }, (_, i) => `order-${i}`)

  it('maps a key to the same member whatever order members came in', () => {
    const one = ring(['zone', 'region', 'far', 'self'])
    const other = ring(['self', 'far', 'zone', 'region'])
    for (const key of keys) assert.equal(one(key), other(key))
  })

  it('moves only the keys of the member that left', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 12 }),
        fc.nat(),
        (members, pick) => {
          const gone = members[pick % members.length]!
          const owner = ring(members)
          const afterwards = ring(members.filter((member) => member !== gone))
          for (const key of keys.slice(0, 100)) if (owner(key) !== gone) assert.equal(afterwards(key), owner(key))
        }
      ),
      { numRuns: 50 }
    )
  })

  it('spreads keys evenly', () => {
    const members = Array.from({ length: 8 }, (_, i) => `member-${i}`)
    const owner = ring(members)
    const counts = new Map<string, number>()
    for (const key of keys) counts.set(owner(key), (counts.get(owner(key)) ?? 0) + 1)
    assert.ok(chiSquared(counts, 8, keys.length) < 24.32)
  })

  it('never moves a key because of load or an open circuit', () => {
    const { router } = setUp()
    const members = ['zone', 'far'].map((peer) => router.add('worker', peer, peer))
    const owner = router.choose('worker', 'job', 0, { key: 'k' })!
    router.place(owner.target.place).load = 1
    assert.equal(router.choose('worker', 'job', 0, { key: 'k' }), owner)
    trip(router, owner)
    assert.equal(router.choose('worker', 'job', 0, { key: 'k' }), undefined)
    assert.ok(members.includes(router.choose('worker', 'job', 0)!))
  })
})

describe('core/routing: explain', () => {
  it('names the chosen one, the others, and a reason for each', () => {
    const { router } = setUp()
    router.add('worker', 'self', 'near')
    trip(router, router.add('worker', 'zone', 'broken'))
    router.add('worker', 'far', 'far')
    const { chosen, candidates } = router.explain('worker', 0)
    assert.deepEqual(chosen, { peer: 'self', instance: 'near' })
    const reasons = Object.fromEntries(candidates.map((candidate) => [candidate.instance, candidate.reason]))
    assert.equal(reasons.near, 'same node, nearest that is free')
    assert.match(reasons.broken!, /^circuit open for another \d+ ms$/)
    assert.equal(reasons.far, 'farther away than the chosen one (same node)')
    assert.ok(candidates.every((candidate) => candidate.score > 0))
  })

  it('spends no probe', () => {
    const { router, events } = setUp()
    trip(router, router.add('worker', 'self', 'w'))
    router.explain('worker', 5_000)
    router.explain('worker', 5_000)
    assert.equal(events.length, 1)
    assert.equal(router.choose('worker', 'job', 5_000)?.instance, 'w')
  })

  it('says who owns a key', () => {
    const { router } = setUp()
    for (const peer of ['zone', 'far']) router.add('worker', peer, peer)
    const { chosen, candidates } = router.explain('worker', 0, { key: 'k' })
    for (const { instance, reason } of candidates) {
      assert.equal(reason, instance === chosen!.instance ? 'owns the key' : 'another member owns the key')
    }
  })
})

describe('core/routing: outcomes', () => {
  it('holds trouble against the target, answers never', () => {
    assert.equal(outcomeOf(undefined), 'success')
    assert.equal(outcomeOf('ERR_TIMEOUT'), 'failure')
    assert.equal(outcomeOf('ERR_HANDLER'), 'success')
    assert.equal(outcomeOf('ERR_TIMEOUT', true), 'success')
    assert.equal(outcomeOf('ERR_QUEUE_FULL'), 'refused')
    assert.equal(outcomeOf('ERR_ABORTED'), 'neutral')
    assert.equal(outcomeOf('OUT_OF_STOCK'), 'success')
  })
})

describe('core/routing: room at a target', () => {
  const throttle = { ...THROTTLE_DEFAULTS, initial: 16 }

  it('bounds the calls under way, not what nobody answers, and calls those who wait in their order', () => {
    const { router } = setUp({ throttle })
    router.add('worker', 'self', 'a')
    const chosen = Array.from({ length: 16 }, () => router.choose('worker', 'job', 0)!)
    for (const member of chosen) router.began(member, 'job')
    assert.equal(router.choose('worker', 'job', 0), undefined)
    assert.equal(router.throttled('worker', 'job', 0), true)
    assert.notEqual(router.choose('worker', undefined, 0), undefined)
    const called: number[] = []
    for (const i of [1, 2, 3]) router.wait('worker', 'job', undefined, () => void called.push(i))
    router.ended(chosen[0]!, 'job', 'success', 1)
    assert.deepEqual(called, [1])
    // Whoever was called has the one choice that there is, and nobody else.
    assert.notEqual(router.choose('worker', 'job', 1), undefined)
    assert.equal(router.choose('worker', 'job', 1), undefined)
  })

  it('is no matter where the one that a key or a host leaves may not be called, be there room at others or not', () => {
    const { router } = setUp({ throttle })
    for (const peer of Object.keys(places)) router.add('worker', peer, peer)
    const owner = router.choose('worker', 'job', 0, { key: 'k' })!
    trip(router, owner)
    for (const wish of [{ key: 'k' }, { peer: owner.target.place.peer }, { instance: owner.instance }]) {
      assert.equal(router.choose('worker', 'job', 0, wish), undefined)
      // Nothing is under way there: who waited would wait for ever.
      assert.equal(router.throttled('worker', 'job', 0, wish), false)
    }
    assert.notEqual(router.choose('worker', 'job', 0), undefined)
  })

  it('leaves nobody waiting once nothing is under way, or the target is gone', () => {
    const { router } = setUp({ throttle })
    router.add('worker', 'self', 'a')
    const chosen = Array.from({ length: 16 }, () => router.choose('worker', 'job', 0)!)
    for (const member of chosen) router.began(member, 'job')
    let called = 0
    // Those who were called and left take nobody's turn.
    for (let i = 0; i < 100; i++) router.wait('worker', 'job', undefined, () => void called++)
    for (const member of chosen) router.ended(member, 'job', 'success', 0)
    assert.equal(called, 100)
    router.wait('worker', 'job', undefined, () => void called++)
    router.remove('worker', 'self', 'a')
    assert.equal(called, 101)
  })

  it('calls another member where one has no room', () => {
    const { router } = setUp({ throttle })
    router.add('worker', 'self', 'a')
    router.add('worker', 'zone', 'b')
    for (let i = 0; i < 32; i++) router.began(router.choose('worker', 'job', 0)!, 'job')
    const inFlight = [...router.group('worker')!.members()].map((member) => member.inFlight)
    assert.deepEqual(inFlight, [16, 16])
    assert.equal(router.choose('worker', 'job', 0), undefined)
  })

  it('holds up no call of another type, nor one to a member that has room, behind those that wait', () => {
    const { router } = setUp({ throttle })
    router.add('worker', 'self', 'a')
    for (let i = 0; i < 16; i++) router.began(router.choose('worker', 'job', 0)!, 'job')
    router.wait('worker', 'job', { peer: 'self' }, () => {})
    assert.equal(router.choose('worker', 'job', 0, { peer: 'self' }), undefined)
    assert.notEqual(router.choose('worker', 'status', 0, { peer: 'self' }), undefined)
    router.add('worker', 'zone', 'b')
    assert.equal(router.choose('worker', 'job', 0)?.instance, 'b')
    assert.equal(router.choose('worker', 'job', 0, { instance: 'b' })?.instance, 'b')
    assert.equal(router.choose('worker', 'job', 0, { peer: 'self' }), undefined)
  })

  it('calls whoever came first of those who take any member and those who take one', () => {
    const { router } = setUp({ throttle })
    router.add('worker', 'self', 'a')
    router.add('worker', 'zone', 'b')
    const chosen = Array.from({ length: 32 }, () => {
      const member = router.choose('worker', 'job', 0)!
      router.began(member, 'job')
      return member
    })
    const called: string[] = []
    const wishes = { any: undefined, a: { instance: 'a' }, b: { peer: 'zone' } }
    for (const who of ['b', 'a', 'any', 'a', 'b'] as const)
      router.wait('worker', 'job', wishes[who], () => void called.push(who))
    let now = 0
    for (const member of chosen.filter(({ instance }) => instance === 'a').slice(0, 4))
      router.ended(member, 'job', 'success', (now += 10))
    assert.deepEqual(called, ['a', 'any', 'a'])
    router.ended(chosen.find(({ instance }) => instance === 'b')!, 'job', 'success', (now += 10))
    assert.deepEqual(called.slice(3), ['b'])
  })

  it('calls those who wait when somebody new comes, and nobody who has left', () => {
    const { router } = setUp({ throttle })
    router.add('worker', 'self', 'a')
    for (let i = 0; i < 16; i++) router.began(router.choose('worker', 'job', 0)!, 'job')
    const called: number[] = []
    const waiters = Array.from({ length: 1_000 }, (_, i) =>
      router.wait('worker', 'job', undefined, () => void called.push(i))
    )
    const left = waiters.filter((_, i) => i % 100 !== 7)
    for (const waiter of [...left, ...left]) waiter!.leave()
    router.add('worker', 'zone', 'b')
    assert.deepEqual(
      called,
      Array.from({ length: 10 }, (_, i) => 100 * i + 7)
    )
    assert.equal(router.choose('worker', 'job', 0)?.instance, 'b')
  })

  it('takes a stream for answered once it gives something, however long it goes on', () => {
    const { router } = setUp({ throttle })
    const member = router.add('worker', 'self', 'a')
    for (let i = 0; i < 100; i++) {
      assert.equal(router.choose('worker', 'watch', i), member)
      router.began(member, 'watch')
      router.answered(member, 'watch', i)
    }
    assert.equal(member.inFlight, 100)
    for (let i = 0; i < 100; i++) router.ended(member, undefined, 'success', 200)
    assert.equal(member.inFlight, 0)
  })

  it('has the types beyond what an agent may have handlers for in common', () => {
    const { router } = setUp({ throttle })
    const member = router.add('worker', 'self', 'a')
    for (let i = 0; i < 1_000; i++) {
      router.began(member, `type-${i}`)
      if (i >= 16) router.ended(member, `type-${i}`, 'success', 0)
    }
    assert.ok(member.target.flows.length <= 65, `${member.target.flows.length}`)
  })
})
