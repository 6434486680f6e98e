import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Agent, Context, Node } from '../../src/index.ts'
import { assemble } from '../../src/node/assemble.ts'
import { resolveConfig } from '../../src/node/config.ts'
import { loadIdentity } from '../../src/runtime/libp2p/identity.ts'
import { createLibp2pNetwork } from '../../src/runtime/libp2p/network.ts'
import type { Disk, DiskFile } from '../../src/runtime/ports.ts'
import { FileDisk } from '../../src/runtime/storage/file-disk.ts'
import { systemClock } from '../../src/runtime/system/clock.ts'
import { systemDice } from '../../src/runtime/system/dice.ts'
import { lives } from '../kit/lives.ts'
import { until } from '../kit/until.ts'

const ONCE = { delivery: 'exactly-once' } as const
/** Outlasts whatever a test does to the receiver. */
const PATIENT = { ...ONCE, maxRetries: 100, retryStrategy: 'fixed' } as const

async function add(message: { data: number }, ctx: Context): Promise<void> {
  const total = (await ctx.state.get('total')) ?? 0
  await ctx.commit([{ type: 'put', key: 'total', value: total + message.data }])
}

/** All connections break; what is under way in them is lost. */
function cut(node: Node): void {
  for (const connection of node.libp2p.getConnections()) connection.abort(new Error('cut'))
}

/** A folder whose fsyncs fail while it is told so. */
class FailingDisk implements Disk {
  failing = false
  failed = 0
  readonly #disk: Disk

  constructor(disk: Disk) {
    this.#disk = disk
  }

  list = (): Promise<string[]> => this.#disk.list()
  remove = (name: string): Promise<void> => this.#disk.remove(name)
  rename = (from: string, to: string): Promise<void> => this.#disk.rename(from, to)
  sync = (): Promise<void> => this.#disk.sync()
  folder = (name: string): Disk => this.#disk.folder(name)

  async open(name: string): Promise<DiskFile> {
    const file = await this.#disk.open(name)
    const sync = async (): Promise<void> => {
      if (!this.failing) return file.sync()
      this.failed++
      throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
    }
    return {
      get size() {
        return file.size
      },
      write: (bytes, at) => file.write(bytes, at),
      read: (at, length) => file.read(at, length),
      truncate: (size) => file.truncate(size),
      sync,
      close: () => file.close()
    }
  }
}

describe('exactly-once over loopback, with data folders', function () {
  this.timeout(60_000)
  const { dataDir, life, settle, end } = lives()

  /** A life on a disk that can be made to fail. */
  async function lifeOnFailingDisk(name: string): Promise<{ node: Node; disk: FailingDisk }> {
    const identity = await loadIdentity(dataDir(name))
    const network = await createLibp2pNetwork({ identity, listen: ['/ip4/127.0.0.1/tcp/0'] })
    const disk = new FailingDisk(new FileDisk(join(dataDir(name), 'store')))
    const config = resolveConfig({ name, dataDir: dataDir(name) })
    const world = { network, clock: systemClock, dice: systemDice, disk }
    return { node: await settle(await assemble(config, world, network.libp2p), []), disk }
  }

  async function counter(node: Node, receive = add, concurrency = 1): Promise<Agent> {
    const agent = await node.agent('counter')
    return agent.receive(receive, { ...ONCE, concurrency })
  }

  it('has each effect once, from another host and from the same', async () => {
    const b = await life('b')
    const agent = await counter(b)
    const a = await life('a', [b])
    const senders = [await a.agent('sender'), await b.agent('sender')]
    const sends = Array.from({ length: 200 }, (_, i) => senders[i % 2]!.send('counter', 1, ONCE))
    const receipts = await Promise.all(sends)
    assert.ok(receipts.every(({ status }) => status === 'delivered'))
    assert.equal(await agent.state.get('total'), 200)
  })

  it('has it once where the link is cut between the commit and its acknowledgement', async () => {
    const b = await life('b')
    let cuts = 0
    const agent = await counter(b, async (message, ctx) => {
      const total = (await ctx.state.get('total')) ?? 0
      const committed = ctx.commit([{ type: 'put', key: 'total', value: total + message.data }])
      if (message.data % 10 === 0) {
        cuts++
        cut(b)
      }
      await committed
    })
    const a = await life('a', [b])
    const sender = await a.agent('sender')
    const receipts = []
    for (let i = 1; i <= 40; i++) receipts.push(await sender.send('counter', i, PATIENT))
    assert.equal(await agent.state.get('total'), 820)
    assert.equal(cuts, 4, 'none was handled again')
    assert.ok(receipts.some(({ attempts }) => attempts > 1))
  })

  it('has it once where the receiver ends between the commit and its acknowledgement', async () => {
    const b = await life('b')
    const stopped = Promise.withResolvers<void>()
    await counter(b, async (message, ctx) => {
      const total = (await ctx.state.get('total')) ?? 0
      cut(b)
      await ctx.commit([{ type: 'put', key: 'total', value: total + message.data }])
      await end(b)
      stopped.resolve()
    })
    const a = await life('a', [b])
    const sender = await a.agent('sender')
    const sent = sender.send('counter', 7, PATIENT)
    await stopped.promise
    const again = await life('b', [a])
    let runs = 0
    const agent = await counter(again, async (message, ctx) => {
      runs++
      await add(message, ctx)
    })
    assert.equal((await sent).status, 'duplicate')
    assert.equal(runs, 0)
    assert.equal(await agent.state.get('total'), 7)
    assert.equal((await sender.send('counter', 5, PATIENT)).status, 'delivered')
    assert.equal(await agent.state.get('total'), 12)
  })

  it('has it once where the sender ends before it was told', async () => {
    const b = await life('b')
    const first = await life('a', [b])
    const held = Promise.withResolvers<void>()
    const agent = await counter(b, async (message, ctx) => {
      await held.promise
      await add(message, ctx)
    })
    const sender = await first.agent('sender')
    const receipts = []
    for (let i = 1; i <= 20; i++) receipts.push(await sender.send('counter', i, { ...PATIENT, durable: true }))
    for (const { settled } of receipts) settled.catch(() => {})
    await end(first)
    held.resolve()
    const second = await life('a', [b])
    const other = await second.agent('sender')
    await (await other.send('counter', 1_000, { ...PATIENT, durable: true })).settled
    await until('all of it', async () => (await agent.state.get('total')) >= 1_210)
    assert.equal(await agent.state.get('total'), 1_210)
  })

  it('runs a handler again whose commit met a conflict, and counts all of them', async () => {
    const b = await life('b')
    let runs = 0
    const receive = async (message: { data: number }, ctx: Context): Promise<void> => {
      runs++
      await add(message, ctx)
    }
    const agent = await counter(b, receive, 16)
    await counter(b, receive, 16)
    const a = await life('a', [b])
    const sender = await a.agent('sender')
    const receipts = await Promise.all(Array.from({ length: 100 }, () => sender.send('counter', 1, PATIENT)))
    assert.ok(receipts.every(({ attempts }) => attempts === 1))
    assert.ok(runs > 100, 'there were conflicts')
    assert.equal(await agent.state.get('total'), 100)
  })

  it('leaves nothing of a handler that throws', async () => {
    const b = await life('b')
    const attempts: number[] = []
    const agent = await counter(b, async (message, ctx) => {
      attempts.push(ctx.attempt)
      if (ctx.attempt < 3) throw new Error('not yet')
      await add(message, ctx)
    })
    const a = await life('a', [b])
    const sender = await a.agent('sender')
    const receipt = await sender.send('counter', 4, PATIENT)
    assert.deepEqual([receipt.status, receipt.attempts, attempts], ['delivered', 3, [1, 2, 3]])
    assert.equal(await agent.state.get('total'), 4)
  })

  it('keeps the state over a restart, and works without a folder too', async () => {
    const first = await life('b')
    await counter(first)
    const a = await life('a', [first], { dataDir: undefined })
    const sender = await a.agent('sender')
    for (let i = 0; i < 10; i++) await sender.send('counter', 1, PATIENT)
    await end(first)
    const second = await life('b', [a])
    const agent = await counter(second)
    assert.equal(await agent.state.get('total'), 10)
    await sender.send('counter', 1, PATIENT)
    assert.equal(await agent.state.get('total'), 11)
    const here = await a.agent('counter')
    here.receive(add, ONCE)
    await sender.send({ name: 'counter', peer: a.peerId }, 3, PATIENT)
    assert.equal(await here.state.get('total'), 3)
  })

  it('says of nothing that it is delivered while the disk fails, and has each effect once after that', async () => {
    const { node: b, disk } = await lifeOnFailingDisk('b')
    const agent = await counter(b)
    const a = await life('a', [b])
    const sender = await a.agent('sender')
    await sender.send('counter', 1, PATIENT)
    disk.failing = true
    let told = 0
    const sends = [10, 100, 1_000].map(async (data) => {
      const receipt = await sender.send('counter', data, PATIENT)
      told++
      return receipt
    })
    await until('several fsyncs to fail', () => disk.failed >= 3)
    assert.equal(told, 0)
    disk.failing = false
    const receipts = await Promise.all(sends)
    assert.ok(receipts.every(({ status, attempts }) => status === 'delivered' && attempts > 1))
    assert.equal(await agent.state.get('total'), 1_111)
  })

  it('weighs on nobody with what could not be stored', async () => {
    const { node, disk } = await lifeOnFailingDisk('a')
    const [first] = [
      await node.agent('worker', { receive: () => {} }),
      await node.agent('worker', { receive: () => {} })
    ]
    const sender = await node.agent('sender')
    const { instance } = first
    disk.failing = true
    for (let i = 0; i < 10; i++) {
      await assert.rejects(sender.send({ name: 'worker', instance }, i, { durable: true }), { code: 'ERR_STORAGE' })
    }
    disk.failing = false
    const { runnersUp } = node.explain({ data: 1 }, 'worker')
    assert.deepEqual(
      runnersUp.map(({ inFlight }) => inFlight),
      [0]
    )
  })
})
