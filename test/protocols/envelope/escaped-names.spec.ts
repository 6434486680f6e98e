import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseText } from '../../../protocols/envelope/json.ts'

/** Names that look alike as text: with backslashes, with what has to be escaped, with what looks like a stand-in. */
const name = fc
  .array(fc.constantFrom('\\', 'n', 'u', '0', '"', '\n', '\ud800', '@', 'a', ' ', ':'), { maxLength: 4 })
  .map((parts) => parts.join(''))

const value = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 3 }, fc.integer(), name, fc.array(tie('any'), { maxLength: 3 }), tie('object')),
  object: fc.dictionary(name, tie('any'), { maxKeys: 4, noNullPrototype: true })
})).object

describe('envelope: names with escapes in JSON', () => {
  it('are their own after an object with a name like their text', () => {
    parseText('{"a":1,"\\\\":2}')
    for (const text of ['{"a":1,"\\n":2}', '{"a":1,"\\ud800":2}', '[{"a":1,"\\u0041":2}]', '{"a":1,"\\"":2}']) {
      const [read] = [parseText(text)].flat() as [Record<string, number>]
      assert.deepEqual(Object.keys(read)[1], JSON.parse(/"(\\[^\]]*)":2/.exec(text)![0].slice(0, -2)))
    }
  })

  it('come back, whatever was read before', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), (values) => {
        for (const each of values) assert.deepStrictEqual(parseText(JSON.stringify(each)), each)
      }),
      { numRuns: 2_000 }
    )
  })

  it('count once, the later for the earlier, and __proto__ is one as any other', () => {
    assert.deepEqual(JSON.stringify(parseText('{"\\n":1,"a":2,"\\u000a":3}')), '{"\\n":3,"a":2}')
    assert.deepEqual(JSON.stringify(parseText('{"\\u0061":1,"b":2,"a":3}')), '{"a":3,"b":2}')
    assert.deepEqual(Object.keys(parseText('{"\\u005f_proto__":{"\\n":1}}') as object), ['__proto__'])
    assert.deepEqual(JSON.stringify(parseText('{"__proto__":{"\\n":1}}')), '{"__proto__":{"\\n":1}}')
  })

  it('are found at any depth, and in texts that end in the middle of one nothing is', () => {
    const deep = 50_000
    const text = `${'['.repeat(deep)}{"\\n":1}${']'.repeat(deep)}`
    let read = parseText(text)
    while (Array.isArray(read)) read = read[0]
    assert.deepEqual(read, { '\n': 1 })
    assert.throws(() => parseText('{"\\n'), { code: 'ERR_MALFORMED' })
  })
})
