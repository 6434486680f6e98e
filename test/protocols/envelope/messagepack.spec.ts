import assert from 'node:assert/strict'
import { decodeData, encodeData } from '../../../protocols/envelope/data.ts'

function refuses(hex: string, why: string): void {
  assert.throws(
    () => decodeData(Buffer.from(hex.replaceAll(' ', ''), 'hex'), 'messagepack'),
    { code: 'ERR_MALFORMED' },
    why
  )
}

describe('envelope: hostile MessagePack', () => {
  it('never believes a length', () => {
    refuses('dd ffffffff', 'array of four billion')
    refuses('df ffffffff', 'map of four billion')
    refuses('c6 ffffffff 00', 'bytes of four gigabytes')
    refuses('db ffffffff 41', 'text of four gigabytes')
    refuses('c9 ffffffff 42', 'extension of four gigabytes')
    refuses('dc ffff 01', 'array of 65,535')
    refuses('', 'nothing')
  })

  it('refuses every extension of msgpackr that is not of this protocol', () => {
    refuses('d4 72 40 91 a1 61 01', 'record definition, which compiles code')
    refuses('d5 72 40 00 91 a1 61 01', 'record definition of two bytes')
    refuses('d6 69 00000001 90', 'reference id')
    refuses('d6 70 00000001', 'pointer to a reference')
    refuses('d4 65 00 93 a1 41 a1 62 c0', 'error')
    refuses('d4 78 00 92 a1 28 a0', 'regular expression')
    refuses('d4 73 00 90', 'set')
    refuses('c7 03 74 01 00 00', 'typed array')
    refuses('d6 62 00000000', 'bundled text')
    refuses('c1', 'the token that is never used')
    refuses('d4 00 01', 'undefined with something in it')
    refuses('c7 00 42', 'bigint of no byte')
    refuses('d4 05 00', 'an extension of nobody')
  })

  it('refuses keys that are no text or would change', () => {
    refuses('81 01 02', 'number')
    refuses('81 c0 02', 'nil')
    refuses('81 90 02', 'array')
    refuses('81 a9 5f5f70726f746f5f5f 80', '__proto__')
    refuses('81 d9 09 5f5f70726f746f5f5f 80', '__proto__ with a longer head')
    refuses('81 c4 09 5f5f70726f746f5f5f 80', '__proto__ as bytes')
  })

  it('refuses text that is no UTF-8', () => {
    refuses('a1 ff', 'no lead byte')
    refuses('a3 eda080', 'surrogate')
    refuses('a2 c080', 'overlong')
    refuses('81 a1 ff 01', 'key')
    refuses('d9 40' + 'ff'.repeat(64), 'long text')
  })

  it('refuses what nests deeper than it promises', () => {
    const within = new Uint8Array(387).fill(0x91)
    within[386] = 0x01
    assert.doesNotThrow(() => decodeData(within, 'messagepack'))
    refuses('91'.repeat(387) + '01', 'arrays')
    refuses('91'.repeat(1_000_000) + '01', 'a million arrays')
    refuses('81a161'.repeat(387) + '01', 'maps')
  })

  it('reads timestamps of any writer, and refuses those that no Date holds', () => {
    const read = (hex: string) => decodeData(Buffer.from(hex.replaceAll(' ', ''), 'hex'), 'messagepack')
    assert.deepEqual(read('d6 ff 00000001'), new Date(1000))
    assert.deepEqual(read('d7 ff 003d0900 00000001'), new Date(1001))
    assert.deepEqual(read('c7 0c ff 3b8b87c0 ffffffffffffffff'), new Date(-1))
    assert.deepEqual(read('c7 0c ff 00000000 000007dba8218000'), new Date(8.64e15))
    refuses('c7 0c ff 00000000 000007dba8218001', 'a second too late')
    refuses('c7 0c ff 00000001 000007dba8218000', 'a nanosecond too late')
    refuses('c7 0c ff 00000000 8000000000000000', 'long ago')
    refuses('c7 0c ff ffffffff 0000000000000000', 'too many nanoseconds')
    refuses('d7 ff ffffffff 00000001', 'too many nanoseconds')
    refuses('d5 ff 0000', 'two bytes')
  })

  it('reads 64-bit integers as bigint, whoever wrote them', () => {
    assert.equal(decodeData(Buffer.from('cfffffffffffffffff', 'hex'), 'messagepack'), 2n ** 64n - 1n)
    assert.equal(decodeData(Buffer.from('d3ffffffffffffffff', 'hex'), 'messagepack'), -1n)
  })

  it('leaves the array that it reads as it was', () => {
    const bytes = encodeData({ a: [1, new Uint8Array([9, 9])] }, 'messagepack').slice()
    const before = bytes.slice()
    decodeData(bytes, 'messagepack')
    assert.deepStrictEqual(bytes, before)
  })
})

describe('envelope: hostile JSON', () => {
  const refusesJson = (text: string | Uint8Array) =>
    assert.throws(() => decodeData(typeof text === 'string' ? Buffer.from(text) : text, 'json'), {
      code: 'ERR_MALFORMED'
    })

  it('refuses what is no JSON, no UTF-8 or too deep', () => {
    for (const text of ['', '{', 'undefined', 'NaN', '{"a":1}x', "{'a':1}", '\ufeff1']) refusesJson(text)
    refusesJson(new Uint8Array([0x22, 0xff, 0x22]))
    refusesJson('['.repeat(500) + ']'.repeat(500))
    refusesJson('['.repeat(1_000_000) + ']'.repeat(1_000_000))
  })

  it('keeps a key __proto__ a key', () => {
    const value = decodeData(Buffer.from('{"__proto__":{"$set":[1]}}'), 'json') as object
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.deepEqual(Object.getOwnPropertyDescriptor(value, '__proto__')?.value, new Set([1]))
  })

  it('reads a tag however its key is spelt', () => {
    assert.deepEqual(decodeData(Buffer.from('{"\\u0024set":[1]}'), 'json'), new Set([1]))
  })
})
