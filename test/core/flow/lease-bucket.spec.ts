import assert from 'node:assert/strict'
import { TERM } from '../../../protocols/rate-limits/constants.ts'
import { LeaseBucket } from '../../../src/core/flow/lease-bucket.ts'
import type { LeaseEffect, LeaseInput } from '../../../src/core/flow/lease-types.ts'
import { seeded } from '../seeded.ts'
import { DRIFT, excess, LeaseWorld, type Node } from './lease-world.ts'

/** SEED=n replays one seed. */
const only = process.env.SEED === undefined ? undefined : Number(process.env.SEED)
const seeds = only === undefined ? Array.from({ length: 200 }, (_, i) => i + 1) : [only]
const KEYS = ['', 'a', 'b']

/** One seed: quiet times in which buckets fill, rushes in which everybody wants everything, and `trouble` in between. */
function play(seed: number, sides: number, trouble: (world: LeaseWorld) => void): number {
  const random = seeded(seed)
  const capacity = 1 + Math.floor(random() * 100)
  const refillRate = capacity / (1 + random() * 10)
  const definition = { capacity, refillRate, burst: random() < 0.5 ? 0 : Math.floor((random() * capacity) / 2) }
  const most = capacity + definition.burst
  const world = new LeaseWorld(random, definition, 2 + Math.floor(random() * 4))
  world.loss = [0, 0, 0.05, 0.3][world.below(4)]!
  world.detection = [100, 1_000, 8_000][world.below(3)]!
  const call = (): void => {
    const node = world.nodes[world.below(world.nodes.length)]!
    const tokens = 1 + world.below(Math.min(most, random() < 0.1 ? most : 10))
    const ticket = world.acquire(node, KEYS[world.below(KEYS.length)]!, tokens, random() < 0.3)
    if (random() < 0.3) world.after(world.between(0, 3_000), () => world.cancel(node, ticket))
  }
  const rush = (): void => {
    const pace = world.between(2, 50)
    for (let at = world.between(300, 5_000); at > 0; at -= pace) world.after(at, call)
    world.after(world.between(1_000, 15_000), rush)
  }
  world.after(0, rush)
  const worry = (): void => {
    trouble(world)
    world.after(random() < 0.5 ? world.between(100, 4_000) : world.between(1_000, 15_000), worry)
  }
  // By then everybody has met.
  world.after(world.between(3_000, 10_000), worry)
  const look = (): void => {
    const { share } = world
    assert.ok(share <= sides + 1e-9, `seed ${seed}, at ${world.now}: ${share} of the limit is given out`)
    world.after(100, look)
  }
  world.after(0, look)
  world.run(60_000)
  const rate = refillRate * (1 + DRIFT)
  const bound = sides * (most + (rate * TERM * (1 + 3 * DRIFT)) / 1_000) * 1.001
  for (const key of KEYS) {
    const over = excess(world.ended, key, sides * rate)
    assert.ok(over <= bound, `seed ${seed}, key '${key}': ${over} tokens where ${bound} may be`)
  }
  return world.ended.filter(({ granted }) => granted).length
}

function anyGroups(world: LeaseWorld): Map<string, number> {
  const groups = 1 + world.below(3)
  return new Map(world.nodes.map(({ peer }) => [peer, world.below(groups)]))
}

describe('core/flow/lease-bucket', function () {
  this.timeout(120_000)

  it(`never grants more than the bound through loss, delay and partitions, over ${seeds.length} seeds`, () => {
    let granted = 0
    for (const seed of seeds) {
      granted += play(seed, 1, (world) => (world.below(3) === 0 ? world.heal() : world.part(anyGroups(world))))
    }
    assert.ok(granted > seeds.length * 50, `hardly anything was granted: ${granted}`)
  })

  it(`never grants more through crashes, leaving and restarts in one piece, over ${seeds.length} seeds`, () => {
    for (const seed of seeds) {
      play(seed, 1, (world) => {
        const node = world.nodes[world.below(world.nodes.length)]!
        // Where nobody is left who remembers, the limit begins anew.
        const survives = world.nodes.some((other) => other !== node && other.up && other.settled)
        if (!node.up) world.restart(node)
        else if (survives && world.below(2) === 0) world.crash(node)
        else if (survives) world.leave(node)
      })
    }
  })

  it(`never grants more than each side for itself where nodes restart behind a partition, over ${seeds.length} seeds`, () => {
    for (const seed of seeds) {
      let parted = false
      play(seed, 2, (world) => {
        if (!parted) world.part(new Map(world.nodes.map(({ peer }, i) => [peer, i % 2])))
        parted = true
        const node = world.nodes[world.below(world.nodes.length)]!
        if (node.up) world.crash(node)
        else world.restart(node)
      })
    }
  })

  describe('of three nodes', () => {
    const definition = { capacity: 30, refillRate: 30, burst: 0 }
    const granted = (world: LeaseWorld, since = 0): number =>
      world.ended.reduce((sum, { at, tokens, granted }) => sum + (granted && at >= since ? tokens : 0), 0)

    /** Waits for one token after the other, from 5 s on. */
    function greedy(world: LeaseWorld, node: Node): void {
      const more = (): void => {
        for (let i = 0; i < 10; i++) world.acquire(node, '', 1, true)
        world.after(100, more)
      }
      more()
    }

    it('gives all of it, whoever asks', () => {
      const world = new LeaseWorld(seeded(1), definition, 3)
      world.run(5_000)
      for (const node of world.nodes) greedy(world, node)
      world.run(25_000)
      const total = granted(world)
      assert.ok(total >= 0.95 * (30 + 20 * 30) && total <= 30 + 20 * 30 + 1, `${total} granted`)
      for (const { peer } of world.nodes) {
        const own = world.ended.filter((one) => one.peer === peer && one.granted).length
        assert.ok(own > total / 6, `${peer} got ${own} of ${total}`)
      }
    })

    it('gives all that is wanted to one where the others want nothing', () => {
      const world = new LeaseWorld(seeded(2), definition, 3)
      world.run(5_000)
      greedy(world, world.nodes[1]!)
      world.run(15_000)
      assert.ok(granted(world) >= 0.9 * (30 + 10 * 30), `${granted(world)} granted`)
    })

    it('gives each side of a partition its nodes’ part', () => {
      const world = new LeaseWorld(seeded(3), definition, 3)
      world.run(5_000)
      for (const node of world.nodes) greedy(world, node)
      world.part(new Map(world.nodes.map(({ peer }, i) => [peer, i === 0 ? 0 : 1])))
      world.run(20_000)
      const since = (peer: string) =>
        world.ended.filter((one) => one.peer === peer && one.granted && one.at > 20_000).length
      world.run(40_000)
      const [alone, ...together] = world.nodes.map(({ peer }) => since(peer))
      assert.ok(Math.abs(alone! - 200) < 20, `alone: ${alone}`)
      assert.ok(Math.abs(together[0]! + together[1]! - 400) < 40, `together: ${together}`)
    })

    it('goes on with what is left when the owner dies, with all of it when it leaves', () => {
      for (const how of ['crash', 'leave'] as const) {
        const world = new LeaseWorld(seeded(4), definition, 3)
        world.run(5_000)
        // The owner is whoever leases nothing from anybody: it is asked by the others.
        for (const node of world.nodes) greedy(world, node)
        for (const victim of world.nodes.slice(0, 2)) world[how](victim)
        world.run(30_000)
        const since = world.now
        world.run(50_000)
        const expected = how === 'crash' ? 200 : 600
        assert.ok(Math.abs(granted(world, since) - expected) <= expected / 10, `${how}: ${granted(world, since)}`)
      }
    })

    it('lets no small request pass a large one', () => {
      const world = new LeaseWorld(seeded(5), definition, 3)
      world.run(5_000)
      for (const node of world.nodes) greedy(world, node)
      world.run(8_000)
      const whole = world.nodes.map((node) => world.acquire(node, '', 30, true))
      assert.equal(whole.length, 3)
      world.run(120_000)
      assert.equal(world.ended.filter(({ tokens }) => tokens === 30).length, 3)
    })
  })

  it('says so where more keys are in use than it has room for, also to who would wait', () => {
    const definition = { capacity: 1, refillRate: 1e-6, burst: 0 }
    const bounds = { keys: 3, waiting: 10, forgetAfter: 600_000 }
    const machine = new LeaseBucket({ self: 'a', id: 'limit', definition, shared: false, ...bounds }, 0)
    const ends = [1, 2, 3, 4, 5].map((ticket) => {
      const effects: LeaseEffect[] = []
      machine.handle({ kind: 'acquire', ticket, key: `${ticket}`, tokens: 1, wait: ticket === 5 }, 0, effects)
      return effects.map((effect) => (effect.kind === 'end' ? effect.granted : effect.kind))
    })
    assert.deepEqual(ends, [[true], [true], [true], ['full'], ['full']])
  })

  describe('that leases from another owner', () => {
    const options = { self: 'a', definition: { capacity: 10, refillRate: 10, burst: 0 }, shared: true }
    const bounds = { keys: 10, waiting: 3, forgetAfter: 600_000 }

    /** A limit that the node `b` owns, and what the machine of `a` says. */
    function ofAnother() {
      for (let i = 0; ; i++) {
        const machine = new LeaseBucket({ ...options, ...bounds, id: `limit-${i}` }, 0)
        const tell = (input: LeaseInput, now: number): LeaseEffect[] => {
          const effects: LeaseEffect[] = []
          machine.handle(input, now, effects)
          return effects
        }
        tell({ kind: 'sharer', peer: 'b', used: true }, 0)
        const [asked] = tell({ kind: 'acquire', ticket: 1, key: '', tokens: 2, wait: true }, 1_000)
        if (asked?.kind !== 'send') continue
        const grant = (from: string, stamp: number, now: number, tokens = 5) => {
          const message = { kind: 'grant', id: `limit-${i}`, key: '', stamp, tokens, remaining: 1 } as const
          return tell({ kind: 'message', from, message }, now)
        }
        return { tell, grant, asked }
      }
    }

    it('asks it, spends what it gets, and no more than that', () => {
      const { tell, grant, asked } = ofAnother()
      const ask = { kind: 'ask', key: '', stamp: 1_000, needs: [2], ahead: 0, patient: true }
      const { id, ...rest } = asked.message as { id: string }
      assert.ok(id.startsWith('limit-'))
      assert.deepEqual({ to: asked.to, message: rest }, { to: 'b', message: ask })
      assert.deepEqual(grant('b', 1_000, 1_100), [{ kind: 'end', ticket: 1, granted: true, remaining: 4 }])
      const [end] = tell({ kind: 'acquire', ticket: 2, key: '', tokens: 3, wait: true }, 1_000 + TERM - 1)
      assert.deepEqual(end, { kind: 'end', ticket: 2, granted: true, remaining: 1 })
      const [again] = tell({ kind: 'acquire', ticket: 3, key: '', tokens: 1, wait: true }, 1_000 + TERM - 1)
      assert.equal(again?.kind, 'send')
    })

    it('spends nothing once the term is over, however late the grant comes', () => {
      const { tell, grant } = ofAnother()
      grant('b', 1_000, 1_100)
      const [asked] = tell({ kind: 'acquire', ticket: 2, key: '', tokens: 3, wait: true }, 1_000 + TERM)
      assert.equal(asked?.kind, 'send')
      assert.deepEqual(
        grant('b', 1_000 + TERM, 1_000 + 2 * TERM).map(({ kind }) => kind),
        ['send'],
        'it asks anew'
      )
    })

    it('takes nothing from anybody else, nor for what it has not asked', () => {
      const { grant } = ofAnother()
      assert.deepEqual(grant('c', 1_000, 1_100), [])
      assert.deepEqual(grant('b', 999, 1_100), [])
    })

    it('lets no more wait than its bound', () => {
      const { tell } = ofAnother()
      const kinds = [2, 3, 4].map(
        (ticket) => tell({ kind: 'acquire', ticket, key: '', tokens: 1, wait: true }, 1_100)[0]
      )
      assert.deepEqual(kinds, [undefined, undefined, { kind: 'full', ticket: 4 }])
    })

    it('refuses who does not wait when the owner does not answer, and asks again for who does', () => {
      const { tell } = ofAnother()
      tell({ kind: 'cancel', ticket: 1, key: '' }, 1_050)
      tell({ kind: 'acquire', ticket: 2, key: '', tokens: 1, wait: false }, 1_100)
      tell({ kind: 'acquire', ticket: 3, key: '', tokens: 1, wait: true }, 1_100)
      const [end, asked] = tell({ kind: 'tick' }, 1_600)
      assert.deepEqual(end, { kind: 'end', ticket: 2, granted: false, remaining: 0 })
      assert.ok(asked?.kind === 'send' && asked.message.kind === 'ask' && asked.message.patient)
    })
  })
})
