import assert from 'node:assert/strict'
import { channelOf, channelOfPattern, validatePattern, validateTopic } from '../../../src/core/pubsub/topic.ts'

const invalid = { code: 'ERR_INVALID_TOPIC' }

describe('topics', () => {
  it('takes 16 tokens and 256 characters, and no more', () => {
    validateTopic(Array(16).fill('a').join('.'))
    validateTopic('x'.repeat(256))
    assert.throws(() => validateTopic(Array(17).fill('a').join('.')), invalid)
    assert.throws(() => validateTopic('x'.repeat(257)), invalid)
  })

  it('refuses empty tokens, spaces, broken text and wildcards inside tokens', () => {
    for (const text of ['', '.', 'a.', '.a', 'a..b', 'a b', 'a.\n', 'a*', 'a.>b', '\ud800']) {
      assert.throws(() => validateTopic(text), invalid, JSON.stringify(text))
      assert.throws(() => validatePattern(text), invalid, JSON.stringify(text))
    }
  })

  it('allows wildcards in patterns only, ">" at the end only', () => {
    for (const pattern of ['*', '>', 'a.*', 'a.>', '*.*.>', 'a.*.b']) {
      validatePattern(pattern)
      assert.throws(() => validateTopic(pattern), invalid)
    }
    assert.throws(() => validatePattern('a.>.b'), invalid)
  })

  it('puts a topic and every pattern that names its first token on one channel', () => {
    assert.equal(channelOfPattern('orders.*.created'), channelOf('orders.eu.created'))
    assert.equal(channelOfPattern('orders.>'), channelOf('orders'))
    assert.equal(channelOfPattern('*.created'), undefined)
    assert.equal(channelOfPattern('>'), undefined)
    const used = new Set(Array.from({ length: 1_000 }, (_, i) => channelOf(`topic-${i}.x`)))
    assert.equal(used.size, 64)
  })
})
