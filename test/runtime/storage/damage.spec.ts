import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import { HEADER_BYTES, sealRecord } from '../../../src/runtime/storage/record.ts'
import { LogGround } from './log-ground.ts'

const RECORD = 'x'.repeat(76)
/** What a file that ends too early is reported with. */
const END = { kind: 'storage-damaged', bytes: 0 } as const
/** In the file. */
const RECORD_BYTES = HEADER_BYTES + RECORD.length

/** All of it is on disk, and nothing says where it ends: as after a crash. */
async function filled(groups: number, records = 1): Promise<LogGround> {
  const ground = new LogGround()
  await ground.open()
  for (let i = 0; i < groups; i++) await ground.add(...Array.from({ length: records }, () => RECORD))
  ground.crash()
  return ground
}

/** Where the record of an index begins, in the first file of a log. */
function offsetOf(index: number): number {
  return HEADER_BYTES + (index - 1) * RECORD_BYTES
}

async function indices(ground: LogGround): Promise<number[]> {
  return (await ground.records()).map(([index]) => index)
}

describe('a damaged log', () => {
  const parts: [string, at: number, length: number][] = [
    ['magic', 0, 4],
    ['checksum', 4, 4],
    ['length', 8, 4],
    ['index', 16, 8],
    ['payload', HEADER_BYTES + 10, 1],
    ['end, and the next one’s beginning', RECORD_BYTES - 5, 10]
  ]
  for (const [part, at, length] of parts) {
    it(`keeps all around a record whose ${part} is damaged, sets that aside and reports it once`, async () => {
      const ground = await filled(10)
      const [file] = ground.files
      ground.disk.damage(file!, offsetOf(4) + at, length)
      await ground.open()
      const lost = at + length > RECORD_BYTES ? [4, 5] : [4]
      const kept = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].filter((index) => !lost.includes(index))
      assert.deepEqual(await indices(ground), kept)
      const offset = offsetOf(4)
      const bytes = lost.length * RECORD_BYTES
      assert.deepEqual(ground.events, [{ kind: 'storage-damaged', file, offset, bytes }])
      assert.equal(ground.disk.files().get(`${file}.${offset}.corrupt`), bytes)
      await ground.add(RECORD)
      await ground.reopen()
      assert.deepEqual(await indices(ground), [...kept, 11])
      assert.equal(ground.events.length, 1)
    })
  }

  it('keeps the records of a segment whose header is damaged', async () => {
    const ground = await filled(5)
    ground.disk.damage(ground.files[0]!, 0, HEADER_BYTES)
    await ground.open()
    assert.deepEqual(await indices(ground), [1, 2, 3, 4, 5])
    assert.deepEqual(
      ground.events.map(({ offset, bytes }) => [offset, bytes]),
      [[0, HEADER_BYTES]]
    )
  })

  for (const bytes of [0, 10]) {
    it(`is opened, and reported, where a file was cut off to ${bytes} bytes`, async () => {
      const ground = new LogGround()
      await ground.open({ segmentBytes: 1 })
      for (let i = 0; i < 3; i++) await ground.add(RECORD)
      await ground.run(ground.log.close())
      const [former, file] = ground.files
      const handle = await ground.run(ground.disk.attach(ground.time.clock()).open(file!))
      await ground.run(handle.truncate(bytes))
      await ground.open()
      assert.deepEqual(await indices(ground), [1, 3])
      assert.deepEqual(ground.events, [{ kind: 'storage-damaged', file, offset: 0, bytes }])
      await ground.reopen()
      assert.deepEqual(await indices(ground), [1, 3])
      // The file is out of the way by now, and what stands before it ends too early.
      assert.deepEqual(ground.events.slice(1), [{ ...END, file: former, offset: offsetOf(2) }])
      await ground.reopen()
      assert.equal(ground.events.length, 2)
    })
  }

  for (const [what, lives] of [
    ['the end of a log that ended in good order', 1],
    ['a file that has a successor', 3]
  ] as const) {
    it(`misses, and reports once, what was cut off between two records at ${what}`, async () => {
      const ground = new LogGround()
      await ground.open()
      for (let life = 0; life < lives; life++) {
        await ground.add(RECORD, RECORD, RECORD)
        await ground.reopen()
      }
      await ground.run(ground.log.close())
      const [file] = ground.files
      const handle = await ground.run(ground.disk.attach(ground.time.clock()).open(file!))
      await ground.run(handle.truncate(offsetOf(3)))
      await ground.open()
      const all = Array.from({ length: 3 * lives }, (_, i) => i + 1)
      const kept = all.filter((index) => index !== 3)
      assert.deepEqual(await indices(ground), kept)
      assert.deepEqual(ground.events, [{ ...END, file, offset: offsetOf(3) }])
      await ground.add(RECORD)
      await ground.reopen()
      assert.deepEqual(await indices(ground), [...kept, 3 * lives + 1])
      assert.equal(ground.events.length, 1)
    })
  }

  it('misses what was cut off to nothing but the header of its file', async () => {
    const ground = await filled(2)
    await ground.open()
    await ground.add(RECORD)
    await ground.run(ground.log.close())
    const [file] = ground.files
    const handle = await ground.run(ground.disk.attach(ground.time.clock()).open(file!))
    await ground.run(handle.truncate(HEADER_BYTES))
    await ground.open()
    // The second was at the end of a life that crashed, and so was written again.
    assert.deepEqual(await indices(ground), [2, 3])
    assert.deepEqual(ground.events, [{ ...END, file, offset: HEADER_BYTES }])
  })

  it('has lost silently, after a crash, what was cut off its end between two records: nobody may have been promised it', async () => {
    const ground = await filled(4)
    const handle = await ground.run(ground.disk.attach(ground.time.clock()).open(ground.files[0]!))
    await ground.run(handle.truncate(offsetOf(4)))
    await ground.open()
    assert.deepEqual(await indices(ground), [1, 2, 3])
    assert.deepEqual(ground.events, [])
  })

  it('cuts a torn tail silently', async () => {
    const ground = await filled(5)
    ground.disk.damage(ground.files[0]!, offsetOf(5) + 40, RECORD_BYTES - 40)
    await ground.open()
    assert.deepEqual(await indices(ground), [1, 2, 3, 4])
    assert.deepEqual(ground.events, [])
    await ground.add('again')
    assert.equal((await ground.records(5))[0]?.[1], 'again')
  })

  it('takes nothing from behind a hole in the last group, which perhaps nobody was promised, and keeps it aside', async () => {
    const ground = await filled(1, 5)
    ground.disk.damage(ground.files[0]!, offsetOf(3), RECORD_BYTES)
    await ground.open()
    assert.deepEqual(await indices(ground), [1, 2])
    assert.deepEqual(
      ground.events.map(({ offset, bytes }) => [offset, bytes]),
      [[offsetOf(3), 3 * RECORD_BYTES]]
    )
  })

  it('takes no payload of a damaged record for a record', async () => {
    const ground = await filled(2)
    await ground.open()
    const forged = Buffer.alloc(2 * HEADER_BYTES)
    sealRecord(forged, 0, 1_000, 1, forged.length)
    await ground.add(RECORD)
    const [file] = ground.files.slice(-1)
    ground.log.append(forged)
    await ground.add(RECORD, RECORD)
    await ground.add(RECORD)
    await ground.run(ground.log.close())
    const end = ground.disk.files().get(file!)!
    ground.disk.damage(file!, end - 3 * RECORD_BYTES - 3 * HEADER_BYTES + 4, 4)
    await ground.open()
    assert.deepEqual(await indices(ground), [1, 2, 3, 5, 6, 7])
    assert.equal(ground.events.length, 1)
  })

  it('that a newer version wrote is not touched', async () => {
    const ground = await filled(1)
    const disk = ground.disk.attach(ground.time.clock())
    const [file] = ground.files
    const handle = await ground.run(disk.open(file!))
    const header = Buffer.from(await ground.run(handle.read(0, HEADER_BYTES)))
    header.writeUInt32LE(2, 8)
    header.writeUInt32LE(crc32(header.subarray(8)), 4)
    await ground.run(handle.write(header, 0))
    await assert.rejects(ground.open(), { code: 'ERR_STORAGE', message: /newer version \(format 2/ })
    assert.deepEqual(ground.files, [file])
  })
})
