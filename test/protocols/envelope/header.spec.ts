import assert from 'node:assert/strict'
import fc from 'fast-check'
import { DestinationKind } from '../../../protocols/causality/constants.ts'
import type { AttributeSet } from '../../../protocols/envelope/attributes.ts'
import { MAX_SLOTS } from '../../../protocols/envelope/attributes.ts'
import { decodeData, encodeData } from '../../../protocols/envelope/data.ts'
import { HeaderDecoder } from '../../../protocols/envelope/header-decoder.ts'
import { HeaderEncoder } from '../../../protocols/envelope/header-encoder.ts'
import { IdSource } from '../../../protocols/envelope/id.ts'
import { DataCode, type Outgoing } from '../../../protocols/envelope/outgoing.ts'
import { encodeStandalone, StandaloneDecoder } from '../../../protocols/envelope/standalone.ts'
import { receivedTrace } from '../../../protocols/envelope/trace.ts'
import { validateMessage } from '../../../protocols/envelope/validate.ts'
import { MeshError } from '../../../protocols/errors.ts'

const ids = new IdSource(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))

function attributes(n: number): AttributeSet {
  return {
    source: `phoenix://peer/${n}`,
    type: `com.example.${n % 7}`,
    routing: { pattern: 'point-to-point', target: `agent-${n}` },
    lineage: ids.lineage
  }
}

const hex = (length: number) =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: length, maxLength: length })
    .map((digits) => digits.map((d) => d.toString(16)).join(''))

const trace = fc.oneof(
  fc.constant(undefined),
  fc.record(
    { traceparent: fc.tuple(hex(32), hex(16), hex(2)).map(([a, b, c]) => `00-${a}-${b}-${c}`) },
    { noNullPrototype: true }
  ),
  fc.record(
    {
      traceparent: fc.oneof(
        fc.string(),
        fc.constantFrom(
          '01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more',
          `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
          `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`
        )
      ),
      tracestate: fc.oneof(fc.string(), fc.constant('rojo=00f0,congo=t61'))
    },
    { noNullPrototype: true }
  )
)

const message = fc.record(
  {
    set: fc.nat(400),
    id: fc.oneof(fc.constant(undefined), fc.string({ minLength: 1, maxLength: 60 })),
    gap: fc.integer({ min: -5000, max: 5000 }),
    time: fc.oneof(
      fc.constant(undefined),
      fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((date) => date.toISOString()),
      fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.123456+02:00')
    ),
    trace,
    extra: fc.oneof(
      fc.constant(undefined),
      fc.record({ key: fc.string(), hops: fc.nat(9) }, { noNullPrototype: true })
    ),
    data: fc.oneof(fc.constant(undefined), fc.uint8Array({ maxLength: 300 }), fc.jsonValue())
  },
  { noNullPrototype: true }
)

let now = 1_700_000_000_000

function outgoing(
  sets: Map<number, AttributeSet>,
  given: typeof message extends fc.Arbitrary<infer T> ? T : never
): Outgoing {
  let set = sets.get(given.set)
  if (set === undefined) sets.set(given.set, (set = attributes(given.set)))
  now += given.gap
  ids.next(now)
  const { data } = given
  const code = data === undefined ? DataCode.none : data instanceof Uint8Array ? DataCode.bytes : DataCode.messagepack
  const formats = ['none', 'bytes', 'messagepack'] as const
  const { id, time, extra } = given
  return {
    attributes: set,
    id,
    ms: ids.ms,
    counter: ids.counter,
    time,
    trace: given.trace,
    extra,
    code,
    data: encodeData(data, formats[code as 0 | 1 | 2])
  }
}

function check(read: ReturnType<HeaderDecoder['read']>, sent: Outgoing): void {
  assert.equal(read.source, sent.attributes.source)
  assert.equal(read.type, sent.attributes.type)
  if (sent.id !== undefined) assert.equal(read.id, Buffer.from(sent.id).toString())
  if (sent.time !== undefined) assert.equal(read.time, sent.time)
  if (sent.trace !== undefined) {
    const { traceparent, tracestate } = sent.trace
    const good = receivedTrace(traceparent, tracestate)
    // What cannot be read is no trace: the message starts its own then.
    if (good === undefined) assert.notEqual(read.trace?.traceparent, traceparent)
    else assert.deepEqual(read.trace, good)
  }
  if (sent.extra !== undefined) assert.equal(read.routing?.key, sent.extra.key)
  assert.equal(read.routing?.target, sent.attributes.routing?.target)
  const formats = ['none', 'bytes', 'messagepack', 'json'] as const
  assert.deepEqual(read.data, decodeData(Uint8Array.prototype.slice.call(sent.data), formats[sent.code]))
}

describe('envelope: the binary header', () => {
  it('brings sequences of messages back, through evictions of the table', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 400 }), (given) => {
        const sets = new Map<number, AttributeSet>()
        const encoder = new HeaderEncoder()
        const decoder = new HeaderDecoder()
        for (const one of given) {
          const sent = outgoing(sets, one)
          const out = Buffer.alloc(encoder.measure(sent))
          const end = encoder.write(out, 0, sent)
          check(decoder.read(out.subarray(0, end)), sent)
        }
      }),
      { numRuns: 60 }
    )
  })

  it('keeps its table bounded and right when every message has a set of its own', () => {
    const encoder = new HeaderEncoder()
    const decoder = new HeaderDecoder()
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 3 * MAX_SLOTS; n++) {
        ids.next(now)
        const sent: Outgoing = {
          ...{ attributes: attributes(n), id: undefined, ms: ids.ms, counter: ids.counter, time: undefined },
          ...{ trace: undefined, extra: undefined, code: DataCode.none, data: new Uint8Array(0) }
        }
        const out = Buffer.alloc(encoder.measure(sent))
        assert.equal(decoder.read(out.subarray(0, encoder.write(out, 0, sent))).source, `phoenix://peer/${n}`)
      }
    }
  })

  it('takes 15 bytes or less for the next message of a conversation', () => {
    const encoder = new HeaderEncoder()
    const set = attributes(1)
    let size = 0
    for (let i = 0; i < 2; i++) {
      ids.next(now)
      const sent = {
        attributes: set,
        id: undefined,
        ms: ids.ms,
        counter: ids.counter,
        time: undefined,
        trace: undefined,
        extra: undefined,
        code: DataCode.bytes,
        data: new Uint8Array(128)
      }
      const out = Buffer.alloc(encoder.measure(sent))
      size = encoder.write(out, 0, sent)
    }
    assert.ok(size <= 128 + 15, `${size} bytes`)
  })

  it('starts a trace where there is none, named by the message itself', () => {
    const decoder = new StandaloneDecoder()
    ids.next(now)
    const sent = {
      attributes: attributes(1),
      id: undefined,
      ms: ids.ms,
      counter: ids.counter,
      time: undefined,
      trace: undefined,
      extra: undefined,
      code: DataCode.none,
      data: new Uint8Array(0)
    }
    const read = decoder.decode(encodeStandalone(sent))
    assert.equal(read.trace?.traceparent.slice(3, 35), read.id.replaceAll('-', ''))
    assert.match(read.trace?.traceparent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  })

  it('refers to nothing that another message told, its place in the order included', () => {
    const dependency = {
      kind: DestinationKind.host,
      destination: 'd',
      producer: 'p',
      epoch: 1,
      number: 5,
      slot: 0,
      changed: 0
    } as const
    const stamp = {
      epoch: 1,
      number: 9,
      previous: 8,
      dependencies: [dependency],
      log: undefined,
      own: undefined,
      again: []
    }
    const none = { id: undefined, time: undefined, trace: undefined, extra: undefined, data: new Uint8Array(0) }
    const sent = { attributes: attributes(1), ms: now, counter: 7, code: DataCode.none, stamp, ...none }
    const bytes = Buffer.from(encodeStandalone(sent))
    encodeStandalone({ ...sent, attributes: attributes(2), ms: now + 1, stamp: { ...stamp, number: 10 } })
    assert.deepEqual(Buffer.from(encodeStandalone(sent)), bytes)
  })

  it('refuses an id that is no text: two that differ would be read as one', () => {
    const set = { source: 's', type: 't', lineage: undefined }
    const none = { time: undefined, trace: undefined, extra: undefined, code: DataCode.none, data: new Uint8Array(0) }
    const bytes = Buffer.from(encodeStandalone({ attributes: set, id: 'abcd', ms: 0, counter: 0, ...none }))
    const at = bytes.indexOf('abcd')
    assert.equal(new StandaloneDecoder().decode(bytes).id, 'abcd')
    bytes[at] = 0xff
    assert.throws(() => new StandaloneDecoder().decode(bytes), { code: 'ERR_MALFORMED' })
  })

  it('refuses garbage with ERR_MALFORMED and nothing else', () => {
    const sets = new Map<number, AttributeSet>()
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(500), fc.nat(255)), { maxLength: 6 }),
        fc.nat(600),
        (one, edits, cut) => {
          const bytes = Buffer.from(encodeStandalone(outgoing(sets, one)))
          for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value
          try {
            const read = new StandaloneDecoder().decode(bytes.subarray(0, Math.max(0, bytes.length - cut)))
            void read.data
            // Whatever comes through is a message that may be passed on.
            validateMessage(read.toJSON())
          } catch (error) {
            assert.ok(error instanceof MeshError && error.code === 'ERR_MALFORMED', String(error))
          }
        }
      ),
      { numRuns: 3000 }
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.throws(() => void new HeaderDecoder().read(bytes).data, { code: 'ERR_MALFORMED' })
      })
    )
  })
})
