import assert from 'node:assert/strict'
import { LogGround } from './log-ground.ts'

const SEGMENT = { segmentBytes: 256 }

function numbered(from: number, to: number): (readonly [number, string])[] {
  return Array.from({ length: to - from + 1 }, (_, i) => [from + i, `record ${from + i}`] as const)
}

async function filled(count: number, options = SEGMENT): Promise<LogGround> {
  const ground = new LogGround()
  await ground.open(options)
  for (const [, record] of numbered(1, count)) await ground.add(record)
  return ground
}

describe('a segment log', () => {
  it('numbers records from 1 and reads them from anywhere, over several segments and after a restart', async () => {
    const ground = await filled(40)
    assert.ok(ground.files.length > 3)
    assert.deepEqual(await ground.records(), numbered(1, 40))
    assert.deepEqual(await ground.records(23), numbered(23, 40))
    await ground.reopen(SEGMENT)
    assert.equal(ground.log.last, 40)
    await ground.add('record 41')
    assert.deepEqual(await ground.records(39), numbered(39, 41))
    assert.deepEqual(ground.events, [])
  })

  it('gives one fdatasync to all that was appended while another was under way', async () => {
    const ground = new LogGround()
    const log = await ground.open()
    const begun = ground.time.now
    const ended: [number, number][] = []
    for (let wave = 1; wave <= 3; wave++) {
      for (let i = 0; i < 100; i++) {
        log.append(Buffer.alloc(200))
        log.sync().then(() => ended.push([wave, ground.time.now - begun]))
      }
      await ground.time.advance(0.4)
    }
    await ground.time.advance(5)
    const times = (wave: number) => new Set(ended.filter((end) => end[0] === wave).map(([, at]) => at))
    // The second and the third wave came while the first was synced.
    assert.deepEqual([times(1), times(2), times(3)], [new Set([1]), new Set([2]), new Set([2])])
    assert.equal(ended.length, 300)
    assert.deepEqual(
      ended.map(([wave]) => wave),
      ended.map(([wave]) => wave).sort()
    )
  })

  it('lets go of the segments whose every record is older, and of no other', async () => {
    const ground = await filled(40)
    await ground.run(ground.log.dropBefore(20))
    const { first } = ground.log
    assert.ok(first > 10 && first <= 20, `${first}`)
    assert.deepEqual(await ground.records(), numbered(first, 40))
    ground.crash()
    await ground.open(SEGMENT)
    assert.equal(ground.log.first, first)
    assert.deepEqual(await ground.records(), numbered(first, 40))
  })

  it('goes on reading a segment that is let go of meanwhile', async () => {
    const ground = await filled(40)
    const reading = ground.log.read(1)
    await ground.run(reading.next())
    await ground.run(ground.log.dropBefore(40))
    const second = await ground.run(reading.next())
    assert.equal(second.value?.[0], 2)
  })

  it('without durability survives the process, and waits for no disk', async () => {
    const ground = new LogGround()
    const options = { durable: false }
    await ground.open(options)
    const begun = ground.time.now
    for (const [, record] of numbered(1, 20)) await ground.add(record)
    assert.equal(ground.time.now, begun)
    await ground.reopen(options)
    assert.deepEqual(await ground.records(), numbered(1, 20))
  })
})
