import assert from 'node:assert/strict'
import { RecentValues } from '../../../src/runtime/storage/recent.ts'

const MiB = 1_048_576

describe('recent values', () => {
  it('are those asked for last, in bounded memory, none of them large', () => {
    const recent = new RecentValues()
    const kept = (8 * MiB) / 4_096
    for (let i = 0; i < kept; i++) recent.add(`${i}`, new Uint8Array(4_096))
    assert.ok(recent.get('0'))
    recent.add('one more', new Uint8Array(1))
    assert.ok(recent.get('0'), 'asked for a moment ago')
    assert.equal(recent.get('1'), undefined)
    recent.add('large', new Uint8Array(4_097))
    assert.equal(recent.get('large'), undefined)
  })

  it('follow the writes of what they hold, and of nothing else', () => {
    const recent = new RecentValues()
    recent.add('a', Buffer.from('old'))
    recent.update('a', Buffer.from('new'))
    recent.update('b', Buffer.from('never asked for'))
    assert.deepEqual([recent.get('a'), recent.get('b')], [Buffer.from('new'), undefined])
    recent.update('a', new Uint8Array(5_000))
    assert.equal(recent.get('a'), undefined)
    recent.add('a', Buffer.from('again'))
    recent.update('a', undefined)
    assert.equal(recent.get('a'), undefined)
  })
})
