import assert from 'node:assert/strict'
import type { Fetch } from '../../../../protocols/publish-subscribe/messages.ts'
import type { AssuredSubscription } from '../../../../src/runtime/pubsub/assured-subscription.ts'
import { DEFAULT_LIMITS } from '../../../../src/runtime/pubsub/limits.ts'
import { LogFeed } from '../../../../src/runtime/pubsub/log/log-feed.ts'
import { Time } from '../../../../src/testing/time.ts'

describe('what a subscription has room for', () => {
  it('is shared by the publishers that live, however many have gone', async () => {
    const asked: [string, Fetch][] = []
    let id = 0
    const feed = new LogFeed({
      clock: new Time().clock(),
      limits: DEFAULT_LIMITS.log,
      pattern: 'a',
      from: { kind: 'start', value: 0, publisher: undefined },
      room: { messages: 120, bytes: 1_200 },
      cursors: undefined,
      subscription: {} as AssuredSubscription,
      register: (make) => make(++id),
      unregister: () => {},
      ask: (peer, fetch) => asked.push([peer, fetch]),
      members: () => ['a', 'b', 'c'],
      emit: () => {}
    })
    const rooms = () => asked.splice(0).map(([peer, { messages, bytes }]) => [peer, messages, bytes])
    void feed.start()
    await new Promise(setImmediate)
    assert.deepEqual(rooms(), [
      ['a', 40, 400],
      ['b', 40, 400],
      ['c', 40, 400]
    ])
    feed.down('b')
    feed.down('c')
    for (let i = 0; i < 50; i++) {
      feed.up(`visitor-${i}`)
      feed.down(`visitor-${i}`)
    }
    asked.length = 0
    feed.up('d')
    assert.deepEqual(
      rooms().filter(([peer]) => peer === 'd'),
      [['d', 60, 600]]
    )
    await feed.close()
  })
})
