import assert from 'node:assert/strict'
import type { Disk, DiskFile } from '../../../../src/runtime/ports.ts'
import { DEFAULT_LIMITS } from '../../../../src/runtime/pubsub/limits.ts'
import { PublicationLog } from '../../../../src/runtime/pubsub/log/publication-log.ts'
import type { LogLimits } from '../../../../src/runtime/pubsub/types.ts'
import { seededDice } from '../../../../src/testing/dice.ts'
import { SimulatedDisk } from '../../../../src/testing/disk.ts'
import { Time } from '../../../../src/testing/time.ts'

const small: Partial<LogLimits> = { recent: { messages: 10, bytes: 10_000 } }

class Bench {
  readonly time = new Time()
  readonly disk = new SimulatedDisk(seededDice('disk').random)
  readonly told: unknown[] = []
  /** Files that were opened and not closed. */
  readonly open = new Set<DiskFile>()
  #lives = 0

  async log(limits: Partial<LogLimits> = small, disk = true): Promise<PublicationLog> {
    const clock = this.time.clock()
    const log = new PublicationLog({
      ...{ clock, limits: { ...DEFAULT_LIMITS.log, ...limits }, epoch: ++this.#lives },
      report: (event) => this.told.push(event.kind),
      grown: () => {},
      open: () => {},
      failed: (messages) => this.told.push(`failed ${messages}`)
    })
    if (disk) await this.time.run(log.open(this.#watched(this.disk.attach(clock).folder('publications'))), 1_000)
    return log
  }

  #watched(disk: Disk): Disk {
    const open = async (name: string): Promise<DiskFile> => {
      const file = await disk.open(name)
      const close = () => {
        this.open.delete(watched)
        return file.close()
      }
      const watched: DiskFile = Object.create(file, { close: { value: close } })
      this.open.add(watched)
      return watched
    }
    return Object.create(disk, {
      open: { value: open },
      ...Object.fromEntries(
        (['list', 'remove', 'rename', 'sync'] as const).map((name) => [name, { value: disk[name].bind(disk) }])
      )
    })
  }

  /** Names of the log's files. */
  names(): string[] {
    return [...this.disk.files().keys()].filter((path) => path.endsWith('.log'))
  }

  /** Appends so many, and waits for the disk. */
  async publish(log: PublicationLog, count: number): Promise<void> {
    for (let i = 0; i < count; i++) log.append('a', new Uint8Array(50).fill(i))
    await this.time.run(log.synced(), 10_000)
  }

  async read(log: PublicationLog, after: number): Promise<number[]> {
    const scan = log.scan(after)
    const found: number[] = []
    for (let at = after; at < log.last; ) {
      const chunk = await this.time.run(Promise.resolve(scan.next(200)), 10_000)
      assert.ok(chunk.after >= at && chunk.to >= chunk.after)
      found.push(...chunk.entries.map(({ sequence }) => sequence))
      at = chunk.to
    }
    return found
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe('the log of what a node publishes', () => {
  it('is read from the disk, and on from memory, without a gap', async () => {
    const bench = new Bench()
    const log = await bench.log()
    await bench.publish(log, 100)
    const scan = log.scan(0)
    const chunk = await bench.time.run(Promise.resolve(scan.next(1_000)), 1_000)
    assert.deepEqual([chunk.after, chunk.to], [0, 20])
    await bench.publish(log, 50)
    assert.deepEqual(await bench.read(log, 0), range(1, 151))
    assert.deepEqual(await bench.read(log, 145), range(146, 151))
    let at = chunk.to
    while (at < 150) at = (await bench.time.run(Promise.resolve(scan.next(1_000)), 1_000)).to
    assert.equal(at, 150)
  })

  it('gives back the room of what it dropped once whoever read it has gone, or is at its end', async () => {
    const bench = new Bench()
    const log = await bench.log({
      ...small,
      retention: { messages: 100, bytes: 10_000, age: Number.POSITIVE_INFINITY }
    })
    await bench.publish(log, 50)
    const scans = [log.scan(0), log.scan(0), log.scan(0)]
    const next = (scan = scans[0]!) => bench.time.run(Promise.resolve(scan.next(100)), 1_000)
    for (const scan of scans) await next(scan)
    // One in the middle of a read, one between two, and one that has come to its end.
    const reading = next(scans[0])
    scans[0]!.close()
    await reading
    await next(scans[0])
    scans[1]!.close()
    for (let to = 0; to < log.last; ) to = (await next(scans[2])).to
    for (let i = 0; i < 20; i++) await bench.publish(log, 50)
    assert.ok(log.first > 50)
    assert.equal(bench.open.size, bench.names().length)
  })

  it('goes on where it was when its machine crashed, under the same epoch', async () => {
    const bench = new Bench()
    const log = await bench.log()
    await bench.publish(log, 30)
    log.append('a', new Uint8Array(1))
    assert.equal(log.last, 30)
    bench.disk.crash()
    const next = await bench.log()
    assert.deepEqual([next.epoch, next.first, next.last], [1, 1, 30])
    await bench.publish(next, 5)
    assert.deepEqual(await bench.read(next, 0), range(1, 36))
  })

  it('shows nobody what is not on disk, and gives its number again where it never got there', async () => {
    const bench = new Bench()
    const log = await bench.log()
    await bench.publish(log, 5)
    bench.disk.conditions.syncFailure = 1
    await assert.rejects(bench.publish(log, 3), { code: 'ERR_STORAGE' })
    bench.disk.conditions.syncFailure = 0
    assert.deepEqual([log.last, bench.told], [5, ['failed 3']])
    await bench.publish(log, 2)
    assert.deepEqual(await bench.read(log, 0), range(1, 8))
  })

  it('writes what nobody waits for a little later', async () => {
    const bench = new Bench()
    const log = await bench.log()
    log.append('a', new Uint8Array(10))
    await bench.time.advance(50)
    assert.equal(log.last, 0)
    await bench.time.advance(100)
    assert.equal(log.last, 1)
  })

  it('is full while too much waits for the disk', async () => {
    const bench = new Bench()
    const log = await bench.log({ unwritten: 1_000 })
    assert.equal(log.full, false)
    for (let i = 0; i < 20; i++) log.append('a', new Uint8Array(10))
    assert.equal(log.full, true)
    await bench.time.run(log.synced(), 1_000)
    assert.equal(log.full, false)
  })

  it('lets go of the oldest, on disk too', async () => {
    const bench = new Bench()
    const log = await bench.log({ ...small, retention: { messages: 1e9, bytes: 65_536, age: 1e9 } })
    for (let i = 0; i < 100; i++) await bench.publish(log, 100)
    assert.ok(log.first > 9_000 && log.first < 10_000 - 400, String(log.first))
    const size = [...bench.disk.files().values()].reduce((total, bytes) => total + bytes, 0)
    assert.ok(size < 2 * 65_536, `${size} bytes`)
    assert.deepEqual(await bench.read(log, 0), range(log.first, 10_001))
  })

  it('tells where a part of it is damaged, and has the rest', async () => {
    const bench = new Bench()
    const log = await bench.log()
    for (let i = 0; i < 2; i++) await bench.publish(log, 100)
    await bench.time.run(log.close(), 1_000)
    const [path] = [...bench.disk.files()].find(([name]) => name.endsWith('.log'))!
    bench.disk.damage(path, 5_000, 10)
    const next = await bench.log()
    const found = await bench.read(next, 0)
    assert.ok(found.length >= 197 && found.length < 200, String(found.length))
    assert.deepEqual(bench.told, ['storage-damaged'])
  })

  it('without a disk is the newest part of it', async () => {
    const bench = new Bench()
    const log = await bench.log(small, false)
    await bench.publish(log, 30)
    assert.deepEqual([log.durable, log.first, log.last], [false, 21, 30])
    assert.deepEqual(await bench.read(log, 0), range(21, 31))
  })
})
