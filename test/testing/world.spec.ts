import assert from 'node:assert/strict'
import { hosts, listen, text } from './hosts.ts'

/** A little of everything: chatter, broadcasts, a cut, a crash. */
async function busyDay(seed: number): Promise<{ lines: readonly string[]; digest: string }> {
  const { world, places } = await hosts(3, { seed, loss: 0.1, latency: [1, 30] })
  const [a, b, c] = places.map(({ network, dice }) => ({ ...network, dice }))
  const near = listen(await world.time.run(a!.host.open(b!.host.peer, '/test'), 60_000))
  await world.time.run(b!.host.dial(c!.host.peer), 60_000)
  c!.broadcast.join('news')
  await world.time.advance(1_000)
  for (let i = 0; i < 50; i++) {
    near.channel.write(a!.dice.bytes(100))
    await b!.broadcast.publish('news', text(`${i}`))
    await world.time.advance(10)
  }
  world.cut('b', 'c')
  await world.time.advance(6_000)
  world.crash('b')
  await world.time.advance(1_000)
  return { lines: world.trace.lines, digest: world.trace.digest() }
}

describe('a simulated world', () => {
  it('repeats itself byte for byte for the same seed, and for no other', async () => {
    const [first, again, other] = [await busyDay(42), await busyDay(42), await busyDay(43)]
    assert.deepEqual(again.lines, first.lines)
    assert.equal(again.digest, first.digest)
    assert.notEqual(other.digest, first.digest)
    assert.match(first.digest, /^[0-9a-f]{64}$/)
  })

  it('traces time, ends, event, protocol, bytes and what they were', async () => {
    const { lines } = await busyDay(42)
    const data = lines.filter((line) => line.includes(' a b data /test '))
    assert.match(data[0]!, /^\d+\.\d{3} a b data \/test \d+ [0-9a-f]+$/)
    const bytes = data.reduce((sum, line) => sum + Number(line.split(' ')[5]), 0)
    assert.equal(bytes, 5_000)
    for (const event of ['connect', 'open', 'lost', 'broadcast', 'cut', 'crash']) {
      assert.ok(
        lines.some((line) => line.split(' ')[3] === event),
        `no ${event}`
      )
    }
  })
})
