import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  ChannelStream,
  DEFAULT_STREAM_LIMITS,
  type StreamEffect,
  type StreamInput
} from '../../../src/core/pubsub/stream.ts'

type Packet = `packet ${number}`

/** A stream and what came of it; repairs are answered from `held`, what is not there is lost. */
class Bench {
  readonly stream: ChannelStream<Packet>
  delivered: number[] = []
  duplicates = 0
  lost = 0
  synced: number[] = []
  repairs: [number, number][] = []
  timer: number | undefined

  constructor(limits = DEFAULT_STREAM_LIMITS) {
    this.stream = new ChannelStream(limits)
  }

  give(input: StreamInput<Packet>): void {
    const effects: StreamEffect<Packet>[] = []
    this.stream.handle(input, 0, effects)
    for (const effect of effects) {
      if (effect.kind === 'deliver') {
        assert.equal(effect.packet, `packet ${effect.number}`)
        this.delivered.push(effect.number)
      } else if (effect.kind === 'duplicate') this.duplicates++
      else if (effect.kind === 'lost') this.lost += effect.packets
      else if (effect.kind === 'synced') this.synced.push(effect.token)
      else if (effect.kind === 'repair') this.repairs.push([effect.from, effect.to])
      else this.timer = effect.ms
    }
  }

  packet(number: number, whole = true): void {
    this.give({ kind: 'packet', number, bytes: 100, packet: `packet ${number}`, whole })
  }

  fire(): void {
    assert.notEqual(this.timer, undefined, 'no timer runs')
    this.timer = undefined
    this.give({ kind: 'timer' })
  }

  /** Fires timers and answers repairs until nothing is asked any more. */
  settle(answer: (number: number) => boolean, rounds = 1_000): void {
    while (this.timer !== undefined) {
      assert.ok(rounds-- > 0, 'never comes to rest')
      this.fire()
      for (const [from, to] of this.repairs.splice(0)) {
        let lost = 0
        for (let number = from; number <= to; number++) {
          if (answer(number)) this.packet(number)
          else lost++
        }
        this.give({ kind: 'skip', from, to, lost })
      }
    }
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('channel stream', () => {
  it('delivers each packet once and in order, however they are shuffled, repeated and lost, when repairs are answered', () => {
    const run = fc.record({
      start: fc.integer({ min: 1, max: 1_000 }),
      order: fc.array(fc.integer({ min: 0, max: 79 }), { maxLength: 300, size: 'max' })
    })
    fc.assert(
      fc.property(run, ({ start, order }) => {
        const bench = new Bench()
        bench.packet(start)
        bench.settle(() => false)
        for (const offset of order) bench.packet(start + offset)
        bench.packet(start + 80)
        bench.settle(() => true)
        assert.deepEqual(bench.delivered, range(start, start + 80))
        assert.equal(bench.lost, 0)
      })
    )
  })

  it('counts as lost exactly what neither came nor could be repaired', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 2, max: 60 }), { maxLength: 40 }), (missing) => {
        const bench = new Bench()
        const gone = new Set(missing)
        for (const number of range(1, 61)) if (!gone.has(number)) bench.packet(number)
        bench.settle(() => false)
        assert.deepEqual(
          bench.delivered,
          range(1, 61).filter((number) => !gone.has(number))
        )
        assert.equal(bench.lost, gone.size)
      })
    )
  })

  it('gives up a gap that nobody answers for', () => {
    const bench = new Bench()
    bench.packet(1)
    bench.packet(4)
    for (let i = 0; bench.timer !== undefined; i++) {
      assert.ok(i < 20)
      bench.fire()
    }
    assert.deepEqual(bench.delivered, [1, 4])
    assert.equal(bench.lost, 2)
    assert.equal(bench.repairs.length, DEFAULT_STREAM_LIMITS.repairs)
  })

  it('asks what came before the first packet of an unknown stream, and counts none of it as lost', () => {
    const bench = new Bench()
    bench.packet(100)
    bench.packet(98)
    assert.deepEqual(bench.delivered, [])
    bench.settle((number) => number >= 97)
    assert.deepEqual(bench.delivered, [97, 98, 99, 100])
    assert.equal(bench.lost, 0)
    bench.packet(102)
    bench.settle(() => false)
    assert.equal(bench.lost, 1)
  })

  it('begins at once with number one', () => {
    const bench = new Bench()
    bench.packet(1)
    assert.deepEqual(bench.delivered, [1])
  })

  it('takes gaps for granted where the node has not joined the channel', () => {
    const bench = new Bench()
    for (const number of [3, 7, 7, 20, 9]) bench.packet(number, false)
    assert.deepEqual(bench.delivered, [3, 7, 20])
    assert.equal(bench.duplicates, 2)
    assert.equal(bench.timer, undefined)
    assert.equal(bench.lost, 0)
  })

  it('holds no more than its bound, and gives up the gap instead', () => {
    const bench = new Bench({ ...DEFAULT_STREAM_LIMITS, held: { packets: 10, bytes: 10_000 } })
    bench.packet(1)
    for (const number of range(5, 15)) bench.packet(number)
    assert.deepEqual(bench.delivered, [1, ...range(5, 15)])
    assert.equal(bench.lost, 3)
  })

  it('answers a sync once everything before it is delivered, and at once where nothing is known', () => {
    const bench = new Bench()
    bench.give({ kind: 'sync', number: 9, token: 1 })
    assert.deepEqual(bench.synced, [1])
    bench.packet(1)
    bench.give({ kind: 'sync', number: 3, token: 2 })
    bench.packet(3)
    assert.deepEqual(bench.synced, [1])
    bench.packet(2)
    assert.deepEqual(bench.synced, [1, 2])
  })

  it('asks for what a sync says exists', () => {
    const bench = new Bench()
    bench.packet(1)
    bench.give({ kind: 'sync', number: 3, token: 5 })
    bench.settle(() => true)
    assert.deepEqual(bench.delivered, [1, 2, 3])
    assert.deepEqual(bench.synced, [5])
  })
})
