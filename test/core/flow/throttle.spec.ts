import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { THROTTLE_DEFAULTS, Throttle } from '../../../src/core/flow/throttle.ts'
import { seeded } from '../seeded.ts'

/** A server with a knee: `workers` at a time, each for about `service` ms; what comes beyond waits in its queue. */
class Server {
  workers: number
  service: number
  readonly #random: () => number
  readonly #freeAt: number[] = []

  constructor(workers: number, service: number, random: () => number) {
    this.workers = workers
    this.service = service
    this.#random = random
  }

  /** When a call that comes now is answered. */
  answers(now: number): number {
    while (this.#freeAt.length < this.workers) this.#freeAt.push(now)
    let first = 0
    for (let i = 1; i < this.workers; i++) if (this.#freeAt[i]! < this.#freeAt[first]!) first = i
    const end = Math.max(now, this.#freeAt[first]!) + this.takes()
    this.#freeAt[first] = end
    return end
  }

  takes(): number {
    return this.service * (0.9 + 0.2 * this.#random())
  }
}

/** Callers who always have more to ask than they may. Returns the mean limit of the last half, and answers a second in it. */
function saturate(throttle: Throttle, server: Server, from: number, ms: number): { limit: number; rate: number } {
  const due: number[] = []
  let limits = 0
  let ticks = 0
  let answered = 0
  for (let now = from; now < from + ms; now++) {
    while (due.length > 0 && due[0]! <= now) {
      due.shift()
      throttle.ended(now, 'answered')
      if (now >= from + ms / 2) answered++
    }
    while (throttle.open) {
      throttle.began(now)
      const end = server.answers(now)
      const place = due.findLastIndex((other) => other <= end)
      due.splice(place + 1, 0, end)
    }
    if (now < from + ms / 2) continue
    limits += throttle.limit
    ticks++
  }
  // Whatever is still under way belongs to nobody afterwards.
  while (throttle.inFlight > 0) throttle.ended(from + ms, 'unknown')
  return { limit: limits / ticks, rate: (answered * 2_000) / ms }
}

describe('throttle', () => {
  for (const workers of [50, 200]) {
    it(`finds the knee of a server with ${workers} workers, and keeps them busy`, () => {
      for (const seed of [1, 2, 3]) {
        const server = new Server(workers, 100, seeded(seed))
        const { limit, rate } = saturate(new Throttle(), server, 0, 160_000)
        assert.ok(limit >= 0.9 * workers && limit <= 1.35 * workers, `${limit} for ${workers}, seed ${seed}`)
        assert.ok(rate >= 0.9 * workers * 10, `${rate} a second, seed ${seed}`)
      }
    })
  }

  it('follows a server that becomes slower and then smaller, and recovers with it', () => {
    const server = new Server(100, 60, seeded(7))
    const throttle = new Throttle()
    assert.ok(saturate(throttle, server, 0, 20_000).limit < 140)
    server.service = 240
    const slower = saturate(throttle, server, 20_000, 60_000)
    assert.ok(slower.limit > 70 && slower.limit < 150, `${slower.limit} at a quarter of the speed`)
    server.workers = 25
    const smaller = saturate(throttle, server, 80_000, 60_000)
    assert.ok(smaller.limit < 50, `${smaller.limit} with a quarter of the workers`)
    server.workers = 100
    server.service = 60
    const again = saturate(throttle, server, 140_000, 60_000)
    assert.ok(again.limit > 80, `${again.limit} as before`)
  })

  it('leaves a target alone that answers fast, however much is under way', () => {
    const throttle = new Throttle()
    const { limit } = saturate(throttle, new Server(2_000, 20, seeded(3)), 0, 10_000)
    assert.ok(limit >= THROTTLE_DEFAULTS.initial)
  })

  it('concludes nothing from calls that differ by orders of magnitude', () => {
    const random = seeded(11)
    class Agent extends Server {
      override takes(): number {
        return random() < 0.5 ? 60 : 1_000 + 4_000 * random()
      }
    }
    const throttle = new Throttle({ ...THROTTLE_DEFAULTS, initial: 200 })
    const { limit } = saturate(throttle, new Agent(2_000, 0, random), 0, 120_000)
    assert.ok(limit >= 190, `${limit}`)
  })

  it('asks less of a target that refuses, and no less than the floor', () => {
    const throttle = new Throttle()
    let now = 0
    for (let i = 0; i < 2_000; i++) {
      throttle.began(now)
      now += 10
      throttle.ended(now, 'overloaded')
    }
    assert.equal(throttle.limit, THROTTLE_DEFAULTS.least)
  })

  it('never leaves its bounds, whatever happens', () => {
    const step = fc.record({ begin: fc.nat(40), end: fc.nat(40), ms: fc.nat(400), bad: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const throttle = new Throttle()
        let now = 0
        let open = 0
        for (const { begin, end, ms, bad } of steps) {
          for (let i = 0; i < begin; i++) throttle.began(now)
          open += begin
          now += ms
          for (let i = 0; i < end; i++) throttle.ended(now, bad ? 'overloaded' : 'answered')
          open = Math.max(0, open - end)
          assert.equal(throttle.inFlight, open)
          assert.ok(Number.isInteger(throttle.limit))
          assert.ok(throttle.limit >= THROTTLE_DEFAULTS.least && throttle.limit <= THROTTLE_DEFAULTS.most)
        }
      })
    )
  })
})
