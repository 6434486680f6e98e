import fc from 'fast-check'
import type { Message } from '../../../protocols/envelope/message.ts'

/** Text as people and attackers write it: with `$` tags, prototype keys, numbers and every plane of Unicode. */
const text = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 90 }) },
  { weight: 1, arbitrary: fc.string({ minLength: 40, maxLength: 300 }) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.integer({ min: 0xd7fe, max: 0xe001 }), { maxLength: 4 })
      .map((units) => String.fromCharCode(...units))
  },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toJSON', 'hasOwnProperty', 'length', '') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('$set', '$$set', '$map', '$bytes', '$ref', '$', '$$', '$object', '$undefined')
  }
)

const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(-0, 0, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 63, 2 ** 64, -(2 ** 63), 0.1, 5e-324)
)
const bigint = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.bigInt({ min: -(2n ** 4200n), max: 2n ** 4200n }),
  fc.constantFrom(0n, -1n, 2n ** 63n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n, 2n ** 64n - 1n),
  fc.constantFrom(2n ** 65536n, -(2n ** 65536n), 2n ** 65535n, -(2n ** 65535n) - 1n, 2n ** 70000n + 1n)
)
const date = fc.oneof(
  fc.date({ noInvalidDate: true }),
  fc.integer({ min: -5_000, max: 5_000 }).map((ms) => new Date(ms)),
  fc.constantFrom(8.64e15, -8.64e15, 2 ** 32 * 1000, 2 ** 32 * 1000 - 1, 2 ** 34 * 1000 + 7).map((ms) => new Date(ms))
)

/** Anything of the API's list, nested. */
export const data: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, undefined),
    text,
    number,
    bigint,
    date,
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(text, tie('value'), { maxKeys: 5, noNullPrototype: true }),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => new Set(items))
  )
})).value

const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const word = fc.stringMatching(/^[a-zA-Z0-9._~-]{1,12}$/)
const counters = fc.dictionary(word, fc.nat(), { maxKeys: 4, noNullPrototype: true })
const hex = (digits: number) =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`)).map((id) => `${id.slice(0, -1)}1`)

const trace = fc.record(
  {
    traceparent: fc.tuple(hex(32), hex(16)).map(([id, span]) => `00-${id}-${span}-01`),
    tracestate: fc.constantFrom('a=1', 'rojo=00f0, congo@sys=t61')
  },
  { requiredKeys: ['traceparent'], noNullPrototype: true }
)
const guarantee = fc.record(
  {
    mode: fc.constantFrom('at-most-once', 'at-least-once', 'exactly-once'),
    timeout: fc.nat(),
    retryStrategy: fc.constantFrom('fixed', 'linear', 'exponential'),
    maxRetries: fc.nat(9),
    ordering: fc.constantFrom('none', 'causal', 'total'),
    acknowledgmentRequired: fc.boolean(),
    duplicateDetection: fc.boolean()
  },
  { requiredKeys: ['mode'], noNullPrototype: true }
)
const routing = fc.record(
  {
    pattern: fc.constantFrom('point-to-point', 'gossip'),
    target: fc.string(),
    topic: word,
    correlation: fc.uuid(),
    hops: fc.nat(),
    priority: fc.constantFrom('low', 'critical'),
    key: fc.string()
  },
  { requiredKeys: [], noNullPrototype: true }
)
const security = fc.record(
  { principal: fc.string(), signature: fc.uint8Array(), note: data },
  { requiredKeys: [], noNullPrototype: true }
)
const qos = fc.record(
  { deadline: fc.nat(), latency: fc.constantFrom('realtime', 'batch') },
  { requiredKeys: [], noNullPrototype: true }
)
const extensions = fc.dictionary(
  fc.stringMatching(/^ext[a-z0-9]{1,9}$/),
  fc.oneof(fc.string({ minLength: 1 }), fc.boolean(), fc.integer()),
  { minKeys: 1, maxKeys: 3, noNullPrototype: true }
)

/** Any valid message: with every attribute, and with none that may be missing. */
export const message: fc.Arbitrary<Message> = fc
  .record({
    specversion: fc.constant('1.0'),
    id: fc.string({ minLength: 1 }),
    source: fc.oneof(
      fc.webUrl({ withQueryParameters: true }),
      word.map((name) => `/agents/${name}`),
      fc.constant('urn:a:b')
    ),
    type: fc.string({ minLength: 1 }),
    subject: some(fc.string({ minLength: 1 })),
    time: fc.oneof(
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }).map((at) => at.toISOString()),
      fc.constantFrom('2024-02-29T23:59:59+05:30', '1985-04-12t23:20:50.520001z')
    ),
    datacontenttype: some(fc.constantFrom('application/json', 'text/plain; charset=UTF-8', 'a/b;c="d;\\"e"')),
    dataschema: some(fc.constantFrom('https://example.com/schema#1', 'urn:x:y')),
    data,
    trace: some(trace),
    causality: some(
      fc.record({ clock: counters, dependencies: counters }, { requiredKeys: [], noNullPrototype: true })
    ),
    guarantee: some(guarantee),
    routing: some(routing),
    security: some(security),
    qos: some(qos),
    extensions: some(extensions)
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([key, value]) => key === 'data' || value !== undefined)))
  .map((all) => all as unknown as Message)
