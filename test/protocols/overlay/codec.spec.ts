import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MeshError } from '../../../protocols/errors.ts'
import { decodeMessage, encodeMessage } from '../../../protocols/overlay/codec.ts'
import { KIND, MAX_FRAME_BYTES } from '../../../protocols/overlay/constants.ts'
import type { DeltaItem, OverlayMessage, OverlayRecord } from '../../../protocols/overlay/messages.ts'
import { pack, unpack } from '../../../protocols/overlay/pack.ts'
import { decodeSignedRecord, encodeRecord, encodeSignedRecord } from '../../../protocols/overlay/record.ts'

const count = fc.maxSafeNat()
const peer = fc.string({ minLength: 1, maxLength: 60 })
const state = fc.constantFrom('alive' as const, 'suspect' as const, 'dead' as const, 'left' as const)
const value = fc.jsonValue({ maxDepth: 4 }).map((json) => JSON.parse(JSON.stringify(json)) as unknown)

const digest = fc.record({
  kind: fc.constant('digest' as const),
  reply: fc.boolean(),
  complete: fc.boolean(),
  closed: fc.boolean(),
  items: fc.array(
    fc.record({ peer, incarnation: count, refutation: fc.nat(), state, expires: count, version: count }),
    { maxLength: 5 }
  )
})

const record: fc.Arbitrary<Omit<OverlayRecord, 'peer' | 'incarnation'>> = fc.record({
  name: fc.string({ maxLength: 40 }),
  region: fc.option(fc.string({ maxLength: 20 }), { nil: undefined }),
  zone: fc.option(fc.string({ maxLength: 20 }), { nil: undefined }),
  addresses: fc.array(fc.string({ maxLength: 60 }), { maxLength: 3 }),
  expires: count
})

const item: fc.Arbitrary<DeltaItem> = fc
  .record({
    peer,
    incarnation: count,
    refutation: fc.nat(),
    state,
    accuser: fc.option(peer, { nil: undefined }),
    record: fc.option(record, { nil: undefined }),
    done: fc.boolean(),
    full: fc.boolean(),
    floor: count,
    entries: fc.array(fc.record({ key: fc.string({ maxLength: 30 }), value }), { maxLength: 4 })
  })
  .map((fields) => ({
    ...fields,
    record: fields.record === undefined ? undefined : signed({ ...fields.record, ...fields }),
    from: 7,
    to: 20,
    entries: fields.entries.map((entry, i) => ({ ...entry, version: 8 + 2 * i }))
  }))

function signed(fields: OverlayRecord) {
  const { peer, name, region, zone, addresses, incarnation, expires } = fields
  const whole = { peer, name, region, zone, addresses, incarnation, expires }
  return { record: whole, blob: encodeSignedRecord(encodeRecord(whole), Uint8Array.of(1, 2, 3)) }
}

const message: fc.Arbitrary<OverlayMessage> = fc.oneof(
  digest,
  fc.record({ kind: fc.constant('summary' as const), hash: count }),
  fc.record({ kind: fc.constant('delta' as const), last: fc.boolean(), items: fc.array(item, { maxLength: 3 }) }),
  fc.record({
    kind: fc.constant('ack' as const),
    incarnation: count,
    version: count,
    held: fc.boolean(),
    last: fc.boolean()
  }),
  fc.record({ kind: fc.constantFrom('ping' as const, 'pong' as const), seq: fc.nat() }),
  fc.record({ kind: fc.constantFrom('pingRequest' as const, 'pingResponse' as const), seq: fc.nat(), target: peer })
)

function decodeOrCode(kind: number, body: Uint8Array): string {
  try {
    decodeMessage(kind, body)
    return 'fine'
  } catch (error) {
    assert.ok(error instanceof MeshError, `${error} is no MeshError`)
    return error.code
  }
}

describe('overlay codec', () => {
  it('carries every message', () => {
    fc.assert(
      fc.property(message, (given) => {
        const { kind, body } = encodeMessage(given)
        assert.deepEqual(plain(decodeMessage(kind, body)), plain(given))
      })
    )
  })

  it('answers any bytes with a message or a MeshError', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0x0f, max: 0x18 }), fc.uint8Array({ maxLength: 200 }), (kind, body) => {
        assert.ok(['fine', 'ERR_MALFORMED', 'ERR_PROTOCOL'].includes(decodeOrCode(kind, body)))
      }),
      { numRuns: 2_000 }
    )
  })

  it('answers a damaged message with a message or a MeshError', () => {
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (given, damage) => {
          const { kind, body } = encodeMessage(given)
          for (const [at, byte] of damage) body[at % body.length] = byte
          assert.ok(['fine', 'ERR_MALFORMED', 'ERR_PROTOCOL'].includes(decodeOrCode(kind, body)))
        }
      ),
      { numRuns: 1_000 }
    )
  })

  it('believes no length before it has seen the bytes', () => {
    for (const head of [0xdd, 0xdf, 0xc6, 0xdb, 0xc9]) {
      assert.equal(decodeOrCode(KIND.delta, Uint8Array.of(head, 0x7f, 0xff, 0xff, 0xff)), 'ERR_MALFORMED')
    }
  })

  it('refuses nesting, extensions and trailing bytes', () => {
    const deep = Uint8Array.from({ length: 40 }, () => 0x91)
    assert.throws(() => unpack(deep), { code: 'ERR_MALFORMED' })
    assert.throws(() => unpack(Uint8Array.of(0xd4, 0x72, 0x40)), { code: 'ERR_MALFORMED' })
    assert.throws(() => unpack(Uint8Array.of(1, 1)), { code: 'ERR_MALFORMED' })
    assert.deepEqual(unpack(pack(new Date(5))), new Date(5))
  })

  it('refuses an unknown kind, a record of another member, and versions that do not rise', () => {
    assert.equal(decodeOrCode(42, pack([])), 'ERR_PROTOCOL')
    const good: DeltaItem = {
      peer: 'a',
      incarnation: 1,
      refutation: 0,
      state: 'alive',
      accuser: undefined,
      record: undefined,
      from: 0,
      to: 2,
      done: true,
      full: false,
      floor: 0,
      entries: [
        { key: 'x', version: 1, value: 1 },
        { key: 'y', version: 2, value: undefined }
      ]
    }
    const other = signed({
      peer: 'b',
      name: '',
      region: undefined,
      zone: undefined,
      addresses: [],
      incarnation: 1,
      expires: 1
    })
    const cases: [Partial<DeltaItem>, string][] = [
      [{}, 'fine'],
      [{ record: other }, 'ERR_PROTOCOL'],
      [{ entries: [...good.entries].reverse() }, 'ERR_PROTOCOL'],
      [{ to: 1 }, 'ERR_PROTOCOL'],
      [{ peer: '' }, 'ERR_MALFORMED'],
      [{ incarnation: -1 }, 'ERR_MALFORMED'],
      [{ incarnation: 2 ** 60 }, 'ERR_MALFORMED']
    ]
    for (const [change, expected] of cases) {
      const { kind, body } = encodeMessage({ kind: 'delta', last: false, items: [{ ...good, ...change }] })
      assert.equal(decodeOrCode(kind, body), expected, JSON.stringify(change))
    }
  })

  it('neither sends nor takes a frame above the bound', () => {
    const items = Array.from({ length: 768 }, () => ({
      peer: 'p'.repeat(100),
      incarnation: 1,
      refutation: 0,
      state: 'alive' as const,
      expires: 1,
      version: 1
    }))
    const tooLarge = { kind: 'digest' as const, reply: false, complete: true, closed: false, items }
    assert.throws(() => encodeMessage(tooLarge), { code: 'ERR_MESSAGE_TOO_LARGE' })
    assert.equal(decodeOrCode(KIND.digest, new Uint8Array(MAX_FRAME_BYTES + 1)), 'ERR_MALFORMED')
  })

  it('holds a digest of the largest view in one frame', () => {
    const items = Array.from({ length: 768 }, (_, i) => ({
      peer: `12D3KooW${String(i).padStart(44, 'x')}`,
      incarnation: 1_700_000_000_000,
      refutation: 3,
      state: 'alive' as const,
      expires: 1_700_003_600_000,
      version: 40_000
    }))
    const { body } = encodeMessage({ kind: 'digest', reply: false, complete: true, closed: false, items })
    assert.ok(body.byteLength <= MAX_FRAME_BYTES, `${body.byteLength}`)
  })
})

/** Buffers and Uint8Arrays with the same bytes are the same here. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, bytesAsHex))
}

function bytesAsHex(_: string, value: unknown): unknown {
  if (value !== null && typeof value === 'object' && (value as { type?: string }).type === 'Buffer') {
    return Buffer.from((value as { data: number[] }).data).toString('hex')
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}

describe('signed record', () => {
  const record: OverlayRecord = {
    peer: 'a',
    name: 'n',
    region: undefined,
    zone: 'z',
    addresses: ['/x'],
    incarnation: 5,
    expires: 9
  }

  it('keeps the bytes that were signed', () => {
    const bytes = encodeRecord(record)
    const sealed = decodeSignedRecord(encodeSignedRecord(bytes, Uint8Array.of(7)))
    assert.deepEqual(plain(sealed), plain({ record, bytes, signature: Uint8Array.of(7) }))
  })

  it('is bounded in every field', () => {
    const broken: Partial<OverlayRecord>[] = [
      { name: 'x'.repeat(300) },
      { addresses: Array.from({ length: 17 }, () => '/x') },
      { addresses: ['x'.repeat(600)] },
      { peer: 'x'.repeat(200) }
    ]
    for (const change of broken) {
      const blob = encodeSignedRecord(encodeRecord({ ...record, ...change }), new Uint8Array(64))
      assert.throws(() => decodeSignedRecord(blob), { code: 'ERR_MALFORMED' })
    }
    assert.throws(() => decodeSignedRecord(new Uint8Array(20_000)), { code: 'ERR_MALFORMED' })
  })
})
