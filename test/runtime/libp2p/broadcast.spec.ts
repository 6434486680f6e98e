import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Loopback, until } from './loopback.ts'

describe('broadcast over gossipsub', () => {
  const loopback = new Loopback()
  after(() => loopback.stop())

  it('reaches each of five that joined, once for each message, and nobody who left', async () => {
    const nodes = await loopback.startMany(5)
    const got = nodes.map(() => [] as string[])
    nodes.forEach(({ broadcast }, index) => {
      broadcast.onMessage = (channel, bytes) => got[index]!.push(`${channel} ${Buffer.from(bytes).toString('hex')}`)
      if (index < 4) broadcast.join('news')
      broadcast.join('other')
    })
    // All hang on the first node, which forwards.
    const [hub, first] = nodes
    await until(
      () => hub!.broadcast.subscribers('news').length === 3 && hub!.broadcast.subscribers('other').length === 4
    )
    await until(() => first!.broadcast.subscribers('news').includes(hub!.host.peer))
    const sent = Array.from({ length: 20 }, () => randomBytes(64))
    for (const bytes of sent) await first!.broadcast.publish('news', bytes)
    await until(() => [0, 2, 3].every((index) => got[index]!.length >= sent.length))
    await new Promise((resolve) => setTimeout(resolve, 200))
    const expected = sent.map((bytes) => `news ${bytes.toString('hex')}`).sort()
    for (const index of [0, 2, 3]) assert.deepEqual(got[index]!.sort(), expected)
    assert.deepEqual([got[1], got[4]], [[], []], 'not to the sender, not to whoever did not join')

    nodes[3]!.broadcast.leave('news')
    await until(() => hub!.broadcast.subscribers('news').length === 2)
    await first!.broadcast.publish('news', randomBytes(64))
    await until(() => got[2]!.length === sent.length + 1)
    assert.equal(got[3]!.length, sent.length)
  })

  it('takes no message that is too large or has no room for its id', async () => {
    const node = await loopback.start()
    for (const size of [15, 2 ** 20 + 1]) {
      await assert.rejects(node.broadcast.publish('news', new Uint8Array(size)), { code: 'ERR_MESSAGE_TOO_LARGE' })
    }
  })
})
