import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { decode, encode } from '../../../protocols/envelope/codec.ts'
import { decodeData, encodeData } from '../../../protocols/envelope/data.ts'
import type { Message } from '../../../protocols/envelope/message.ts'
import type { MeshError } from '../../../protocols/errors.ts'

/**
 * Golden vectors: `value` in the tagged JSON of README.md, and its bytes in each format in hexadecimal, null where the
 * format cannot carry it. UPDATE_VECTORS=1 rewrites the bytes; the difference is a change of the wire, to be reviewed.
 */
interface Vector {
  name: string
  value: unknown
  messagepack?: string | null
  json?: string | null
}

const FORMATS = ['messagepack', 'json'] as const
const ROOT = new URL('../../../protocols/envelope/vectors/', import.meta.url)

const read = (file: string): Vector[] => JSON.parse(readFileSync(new URL(file, ROOT), 'utf8'))
const described = (vector: Vector) => decodeData(Buffer.from(JSON.stringify(vector.value)), 'json')

function hexOf(bytes: () => Uint8Array): string | null {
  try {
    return Buffer.from(bytes()).toString('hex')
  } catch (error) {
    assert.equal((error as MeshError).code, 'ERR_UNREPRESENTABLE')
    return null
  }
}

function update(file: string, encoder: (value: unknown, format: (typeof FORMATS)[number]) => Uint8Array): void {
  const vectors = read(file)
  for (const vector of vectors)
    for (const format of FORMATS) vector[format] = hexOf(() => encoder(described(vector), format))
  writeFileSync(new URL(file, ROOT), `[\n${vectors.map((vector) => `  ${JSON.stringify(vector)}`).join(',\n')}\n]\n`)
}

if (process.env['UPDATE_VECTORS']) {
  update('data.json', encodeData)
  update('messages.json', (value, format) => encode(value as Message, format))
}

describe('envelope: golden vectors', () => {
  for (const vector of read('data.json')) {
    for (const format of FORMATS) {
      it(`${vector.name} in ${format}`, () => {
        const value = described(vector)
        const expected = vector[format]
        assert.equal(
          hexOf(() => encodeData(value, format)),
          expected
        )
        if (expected) assert.deepStrictEqual(decodeData(fromHex(expected), format), value)
      })
    }
  }

  for (const vector of read('messages.json')) {
    for (const format of FORMATS) {
      it(`the message “${vector.name}” in ${format}`, () => {
        const value = described(vector) as Message
        const expected = vector[format]
        assert.ok(expected)
        assert.equal(
          hexOf(() => encode(value, format)),
          expected
        )
        assert.deepStrictEqual(decode(fromHex(expected), format), value)
      })
    }
  }
})

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}
