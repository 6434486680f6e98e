import assert from 'node:assert/strict'
import { open, readdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { createNode, type MeshError, type Node } from '../../src/index.ts'
import { temporaryFolder } from '../kit/folder.ts'
import { record } from '../kit/record.ts'
import { smallDisk } from '../kit/small-disk.ts'
import { until } from '../kit/until.ts'

const DURABLE = { delivery: 'at-least-once', durable: true } as const

interface Parcel {
  number: number
  bytes: Uint8Array
}

function parcel(number: number, size: number): Parcel {
  return { number, bytes: new Uint8Array(size).fill(number) }
}

/** Sends for an agent that nobody knows. Returns the numbers of those that were stored, and the error of the first that was not. */
async function store(node: Node, count: number, size: number): Promise<{ stored: number[]; error?: MeshError }> {
  const sender = await node.agent('sender')
  const stored: number[] = []
  for (let number = 0; number < count; number++) {
    try {
      const { status } = await sender.send('receiver', parcel(number, size), DURABLE)
      assert.equal(status, 'stored')
      stored.push(number)
    } catch (error) {
      return { stored, error: error as MeshError }
    }
  }
  return { stored }
}

/** What comes once there is a receiver, each as it was sent. */
async function receive(node: Node): Promise<Set<number>> {
  const received = new Set<number>()
  await node.agent('receiver', {
    receive: ({ data: { number, bytes } }: { data: Parcel }) => {
      assert.ok(bytes.every((byte) => byte === number % 256))
      received.add(number)
    }
  })
  return received
}

/** The segment in which the messages are. */
async function segmentOf(dataDir: string): Promise<string> {
  const folder = join(dataDir, 'store')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.log'))
  const sizes = await Promise.all(names.map(async (name) => ({ name, size: (await stat(join(folder, name))).size })))
  return join(folder, sizes.sort((a, b) => b.size - a.size)[0]!.name)
}

describe('a disk that is full, read-only or damaged', function () {
  this.timeout(30_000)

  it('that is full: a send that cannot be stored says so, what was stored is delivered, and with room it goes on', async function () {
    await using disk = await smallDisk(512 * 1024)
    if (disk === undefined) return this.skip()
    let before: number[]
    {
      await using node = await createNode({ dataDir: disk.path })
      const { stored, error } = await store(node, 1_000, 10_000)
      assert.equal(error?.code, 'ERR_STORAGE')
      assert.equal(error.details?.['reason'], 'ENOSPC')
      assert.ok(stored.length > 10)
      before = stored
      await disk.remount('size=8m')
      const { status } = await (await node.agent('late')).send('receiver', parcel(2_000, 10_000), DURABLE)
      assert.equal(status, 'stored')
    }
    await using again = await createNode({ dataDir: disk.path })
    const received = await receive(again)
    const expected = new Set([...before, 2_000])
    await until('all that was stored', () => received.size >= expected.size)
    assert.deepEqual(received, expected)
  })

  it('that is read-only: the node does not start, and names the folder', async function () {
    await using disk = await smallDisk(2 ** 20)
    if (disk === undefined) return this.skip()
    await (await createNode({ dataDir: disk.path })).stop()
    await disk.remount('ro')
    await assert.rejects(createNode({ dataDir: disk.path }), ({ code, details, message }: MeshError) => {
      assert.ok(code === 'ERR_STORAGE' || code === 'ERR_CONFIG' || code === 'ERR_IDENTITY', `${code}: ${message}`)
      return details?.['key'] === 'dataDir'
    })
    await disk.remount('rw')
    await (await createNode({ dataDir: disk.path })).stop()
  })

  it('that is damaged: all that is intact is delivered as it was, and the damage is told', async () => {
    await using folder = await temporaryFolder()
    {
      await using node = await createNode({ dataDir: folder.path })
      const { stored } = await store(node, 200, 1_000)
      assert.equal(stored.length, 200)
    }
    const file = await open(await segmentOf(folder.path), 'r+')
    await file.write(Buffer.alloc(16, 0xa5), 0, 16, 100_000)
    await file.close()
    await using node = await createNode({ dataDir: folder.path, start: false })
    const events = record(node.events())
    await node.start()
    await events.first(({ kind }) => kind === 'storage-damaged')
    const received = await receive(node)
    await until('all but what was damaged', () => received.size >= 199)
    assert.equal(received.size, 199)
  })

  it('that was cut short: all before the cut is delivered', async () => {
    await using folder = await temporaryFolder()
    {
      await using node = await createNode({ dataDir: folder.path })
      await store(node, 200, 1_000)
    }
    await truncate(await segmentOf(folder.path), 100_000)
    await using node = await createNode({ dataDir: folder.path })
    const received = await receive(node)
    // About 1,500 bytes a message are before it.
    const gapless = (): boolean => received.size >= 60 && [...received].every((number) => number < received.size)
    await until('all before the cut', gapless)
    const { status } = await (await node.agent('sender')).send('receiver', parcel(500, 10), DURABLE)
    assert.ok(status === 'stored' || status === 'delivered')
    await until('what comes after', () => received.has(500))
  })
})
