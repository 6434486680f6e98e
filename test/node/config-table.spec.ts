import assert from 'node:assert/strict'
import { resolveConfig } from '../../src/node/config.ts'
import { node as schema } from '../../src/node/config-schema.ts'
import { readRepositoryFile, rows } from '../kit/markdown.ts'

describe('the table of configuration in the README', () => {
  const section = readRepositoryFile('README.md').split('## Configuration')[1]!.split('\n## ')[0]!
  const table = rows(section, /^`[\w.]+`/)
  const documented = new Map(table.flatMap(([keys, value]) => keyTexts(keys!).map((key) => [key, value!])))

  it('has every key of the schema and no other', () => {
    assert.deepEqual([...documented.keys()].sort(), keysOf(schema).sort())
  })

  for (const [key, cell] of documented) {
    it(`has the default and the unit of ${key}`, () => assert.equal(cell, described(key)))
  }
})

function keyTexts(cell: string): string[] {
  return Array.from(cell.matchAll(/`([\w.]+)`/g), ([, key]) => key!)
}

/** The leaves of a schema, as paths. */
function keysOf(schema: object, prefix = ''): string[] {
  const { entries, wrapped } = schema as { entries?: Record<string, object>; wrapped?: object }
  if (wrapped !== undefined) return keysOf(wrapped, prefix)
  if (entries === undefined) return [prefix]
  return Object.entries(entries).flatMap(([key, inner]) => keysOf(inner, prefix === '' ? key : `${prefix}.${key}`))
}

/** A key's default as the table has it: `16 MiB`, `5,000 ms`, `true`, or `none`. */
function described(key: string): string {
  const value = key.split('.').reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], resolveConfig())
  if (value === undefined) return 'none'
  if (typeof value !== 'number') return `\`${JSON.stringify(value).replaceAll('"', "'").replaceAll(',', ', ')}\``
  const unit = unitOf(key)
  if (unit === 'bytes') return `${value / 2 ** 20} MiB`
  return `${value.toLocaleString('en')} ${unit === 'milliseconds' ? 'ms' : unit}`
}

/** The unit is in what a value out of all bounds is refused with. */
function unitOf(key: string): string {
  const options = key.split('.').reduceRight<unknown>((inner, step) => ({ [step]: inner }), -1)
  try {
    resolveConfig(options as Parameters<typeof resolveConfig>[0])
  } catch (error) {
    return (error as Error).message.match(/whole number of (\w+)/)?.[1] ?? ''
  }
  throw new Error(`${key} takes -1`)
}
