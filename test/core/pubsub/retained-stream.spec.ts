import assert from 'node:assert/strict'
import fc from 'fast-check'
import { RetainedStream } from '../../../src/core/pubsub/retained-stream.ts'

const batch = (bytes: number) => new Uint8Array(bytes)
const history = { packets: 3, bytes: 1_000 }

/** Sends what may be sent; the numbers. */
function send(stream: RetainedStream): number[] {
  const numbers: number[] = []
  for (let next = stream.peek(); next !== undefined; next = stream.peek()) {
    numbers.push(next.number)
    stream.sent()
  }
  return numbers
}

describe('a retained stream', () => {
  it('keeps what is not taken, is full at its window, and sends no more than that', () => {
    const stream = new RetainedStream({ window: 100, history })
    for (let i = 0; i < 4; i++) stream.push(batch(50), 0)
    assert.deepEqual([stream.full, send(stream)], [true, [1, 2]])
    stream.acknowledge(2, 0)
    assert.deepEqual(send(stream), [], 'received is not taken')
    stream.acknowledge(2, 2)
    assert.deepEqual([stream.full, send(stream)], [true, [3, 4]])
    stream.acknowledge(4, 4)
    assert.deepEqual([stream.full, stream.pending], [false, false])
  })

  it('says what place in the order is still to be received', () => {
    const stream = new RetainedStream({ window: 1_000, history })
    assert.equal(stream.unreceived, Number.POSITIVE_INFINITY)
    for (const place of [0, 5, 0, 9]) stream.push(batch(1), 0, place)
    const seen = [stream.unreceived]
    for (const received of [1, 2, 3, 4, 0]) {
      stream.acknowledge(received, Math.min(received, 1))
      seen.push(stream.unreceived)
    }
    assert.deepEqual(seen, [5, 5, 9, 9, Number.POSITIVE_INFINITY, 5])
  })

  it('goes back to what was not received, and believes a receiver that has forgotten', () => {
    const stream = new RetainedStream({ window: 1_000, history })
    for (let i = 0; i < 3; i++) stream.push(batch(1), 0)
    assert.deepEqual(send(stream), [1, 2, 3])
    assert.equal(stream.acknowledge(2, 0), true)
    stream.rewind()
    assert.deepEqual(send(stream), [3])
    assert.equal(stream.acknowledge(0, 0), false)
    stream.rewind()
    assert.deepEqual(send(stream), [1, 2, 3])
    assert.deepEqual([stream.probe().number, stream.probe().lowest], [0, 1])
  })

  it('keeps its history, and no more, for a receiver that is away', () => {
    const stream = new RetainedStream({ window: 10, history })
    stream.push(batch(10), 0)
    send(stream)
    stream.away = true
    for (let i = 0; i < 4; i++) stream.push(batch(10), 0)
    assert.deepEqual([stream.full, send(stream)], [false, []])
    stream.away = false
    stream.rewind()
    assert.deepEqual([stream.peek()?.number, stream.peek()?.lowest, stream.full], [3, 3, true])
  })

  it('brings everything, in order, over a line that breaks anywhere', () => {
    const step = fc.record({ pushes: fc.nat(3), arrives: fc.nat(4), answers: fc.boolean(), breaks: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const stream = new RetainedStream({ window: 5, history })
        const got: number[] = []
        let pushed = 0
        const exchange = (arrives: number, answers: boolean, breaks: boolean) => {
          for (const number of send(stream).slice(0, breaks ? arrives : undefined)) {
            if (number === got.length + 1) got.push(number)
          }
          if (answers) stream.acknowledge(got.length, got.length)
          if (breaks) stream.rewind()
        }
        for (const { pushes, arrives, answers, breaks } of steps) {
          for (let i = 0; i < pushes; i++, pushed++) stream.push(batch(1), 0)
          exchange(arrives, answers, breaks)
        }
        stream.rewind()
        while (stream.pending) exchange(0, true, false)
        assert.equal(got.length, pushed)
      })
    )
  })
})
