import assert from 'node:assert/strict'
import fc from 'fast-check'
import { PatternTrie } from '../../../src/core/pubsub/trie.ts'

/** The definition, word by word. */
function matches(pattern: string, topic: string): boolean {
  const want = pattern.split('.')
  const have = topic.split('.')
  const tail = want.at(-1) === '>'
  if (tail ? have.length < want.length : have.length !== want.length) return false
  return want.every((token, i) => token === '*' || (tail && i === want.length - 1) || token === have[i])
}

const token = fc.constantFrom('a', 'b', 'c')
const topic = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join('.'))
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 5 }), fc.boolean())
  .map(([tokens, tail]) => (tail ? [...tokens.slice(0, -1), '>'] : tokens).join('.'))

describe('pattern trie', () => {
  it('matches what the definition matches, through additions and removals', () => {
    const step = fc.record({ pattern, remove: fc.boolean() })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(topic, { minLength: 1, maxLength: 20 }),
        (steps, topics) => {
          const trie = new PatternTrie<{ pattern: string }>()
          const model = new Set<string>()
          for (const { pattern, remove } of steps) {
            if (remove) assert.equal(trie.delete(pattern), model.delete(pattern))
            else {
              trie.set(pattern, { pattern })
              model.add(pattern)
            }
          }
          assert.equal(trie.size, model.size)
          for (const topic of topics) {
            const found = trie.match(topic, []).map((value) => value.pattern)
            assert.deepEqual(found.sort(), [...model].filter((pattern) => matches(pattern, topic)).sort())
          }
        }
      ),
      { numRuns: 500 }
    )
  })

  it('holds nothing once every pattern is gone', () => {
    fc.assert(
      fc.property(fc.array(pattern), fc.array(pattern), (first, second) => {
        const trie = new PatternTrie<object>()
        for (const pattern of [...first, ...second]) trie.set(pattern, {})
        for (const pattern of [...second, ...first]) trie.delete(pattern)
        assert.equal(trie.size, 0)
        assert.equal(trie.nodes(), 1)
      })
    )
  })

  it('replaces the value of a pattern', () => {
    const trie = new PatternTrie<{ n: number }>()
    trie.set('a.*', { n: 1 })
    trie.set('a.*', { n: 2 })
    assert.deepEqual(trie.match('a.b', []), [{ n: 2 }])
    assert.equal(trie.size, 1)
  })
})
