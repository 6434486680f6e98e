import assert from 'node:assert/strict'
import { Kind } from '../../../protocols/raft/constants.ts'
import type { Followed } from '../../../src/runtime/consensus/types.ts'
import type { Store } from '../../../src/runtime/storage/types.ts'
import { Cluster, type Host } from './group.ts'

const numbered = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `line ${from + i}`)
const bytes = (line: string): Uint8Array => Buffer.from(line)

async function keysOf(store: Store, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const [key] of store.entries(prefix)) keys.push(key)
  return keys
}

/** A host whose disk is changed from behind, between two lives. */
async function tampered(
  change: (store: Store, keys: string[]) => Promise<void>,
  setting = {}
): Promise<Promise<unknown>> {
  const cluster = await Cluster.of(1, { disks: {}, ...setting })
  for (const line of numbered(8)) await cluster.propose(line)
  cluster.crash(0)
  const { store } = await cluster.boot(0)
  await cluster.run(keysOf(store, 'raft/orders/w/').then((keys) => change(store, keys)))
  cluster.crash(0)
  await cluster.boot(0)
  return cluster.open(0).finally(() => cluster[Symbol.asyncDispose]())
}

const lost = { group: 'orders', key: 'dataDir' }

async function all(store: Store): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  for await (const [key, value] of store.entries('')) found.set(key, value)
  return found
}

/** The store of a host as though another had been put in its place. */
async function swap(cluster: Cluster, { store }: Host, copy: Map<string, Uint8Array>): Promise<void> {
  const present = await cluster.run(all(store))
  const keys = new Set([...present.keys(), ...copy.keys()])
  await cluster.run(store.write([...keys].map((key) => ({ key, value: copy.get(key) }))))
}

describe('a replica and its disk', () => {
  for (let seed = 1; seed <= 8; seed++) {
    it(`loses nothing that it told, wherever the write was torn (seed ${seed})`, async () => {
      await using cluster = await Cluster.of(3, { seed, disks: { syncLatency: [1, 30] } })
      const leader = await cluster.leader()
      const told: string[] = []
      for (const line of numbered(60)) {
        leader.replica.propose(bytes(line)).then(
          () => told.push(line),
          () => {}
        )
        await cluster.world.time.advance(2)
      }
      for (const i of [0, 1, 2]) cluster.crash(i)
      for (const i of [0, 1, 2]) await cluster.restart(i)
      await cluster.propose('after')
      const [{ ledger }] = cluster.hosts as [Host]
      await cluster.until('it applies again', () => ledger.lines.includes('after'))
      assert.ok(told.length > 0)
      assert.deepEqual(ledger.lines.slice(0, told.length), told)
      await cluster.agree(ledger.lines.length)
    })
  }

  it('answers only what is on its disk, also where nothing new is to be written', async () => {
    await using cluster = await Cluster.of(2, { disks: {} })
    const leader = await cluster.leader()
    const i = cluster.hosts.findIndex((host) => host !== leader)
    await cluster.propose('before')
    await cluster.world.time.advance(500)
    cluster.disk(i).conditions.syncLatency = [600, 600]
    cluster.frames.length = 0
    const { commit } = leader.replica.status()
    const committed = leader.replica.propose(bytes('slow'))
    await cluster.world.time.advance(400)
    const answers = new Set<number>([Kind.appendReply, Kind.heartbeatReplies])
    const answered = (): number =>
      cluster.frames.filter(({ to, kind }) => to === leader.peer && answers.has(kind)).length
    // Heartbeats came meanwhile: their replies say that the node follows in this term, and wait for the write too.
    assert.equal(answered(), 0)
    assert.equal(leader.replica.status().commit, commit)
    await cluster.run(committed)
    assert.ok(answered() > 0)
  })

  it('sends a leader’s entries before its own disk has them, and does not apply them before', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    const leader = await cluster.leader()
    await cluster.propose('before')
    cluster.disk(cluster.indexOf(leader)).conditions.syncLatency = [600, 600]
    const { commit } = leader.replica.status()
    const committed = leader.replica.propose(bytes('slow'))
    await cluster.world.time.advance(300)
    assert.equal(leader.replica.status().commit, commit + 1)
    assert.deepEqual(leader.ledger.lines, ['before'])
    await cluster.run(committed)
    assert.deepEqual(leader.ledger.lines, ['before', 'slow'])
  })

  for (const who of ['leader', 'follower'] as const) {
    it(`ends where a ${who}’s disk fails, and the others go on`, async () => {
      await using cluster = await Cluster.of(3, { disks: {} })
      await cluster.propose(...numbered(3))
      const leader = await cluster.leader()
      const victim = who === 'leader' ? leader : cluster.hosts.find((host) => host !== leader)!
      const i = cluster.indexOf(victim)
      let changed = false
      victim.replica.onChange(() => {
        changed = true
      })
      const waiting = assert.rejects(victim.replica.reached(1_000), { code: 'ERR_STORAGE' })
      cluster.disk(i).conditions.syncFailure = 1
      const proposed = leader.replica.propose(bytes('whose fate is open')).catch(({ code }) => code)
      await cluster.until('it has ended', () => victim.replica.ended !== undefined)
      await waiting
      if (who === 'leader') assert.equal(await cluster.run(proposed), 'ERR_STORAGE')
      assert.deepEqual(
        victim.events.map(({ kind, code }) => [kind, code]),
        [['consensus-failed', 'ERR_STORAGE']]
      )
      assert.equal(victim.role, 'follower')
      await cluster.until('whoever asked is told', () => changed)
      await assert.rejects(victim.replica.propose(bytes('x')), { code: 'ERR_STORAGE' })
      assert.throws(() => victim.replica.query('machine', 'count'), { code: 'ERR_STORAGE' })
      cluster.crash(i)
      cluster.disk(i).conditions.syncFailure = 0
      await cluster.propose('they go on')
      await cluster.restart(i)
      await cluster.until('it is one of them again', () => cluster.hosts[i]!.ledger.lines.includes('they go on'))
    })
  }

  it('does not begin where a record is missing, whatever it may have said', async () => {
    const without = (at: number) => tampered((store, keys) => store.write([{ key: keys.at(at)!, value: undefined }]))
    await assert.rejects(without(0), { code: 'ERR_CORRUPT' })
    await assert.rejects(without(3), { code: 'ERR_CORRUPT' })
    await assert.rejects(without(-2), { code: 'ERR_CORRUPT' })
    const base = tampered((store) => store.write([{ key: 'raft/orders/b', value: undefined }]))
    await assert.rejects(base, { code: 'ERR_CORRUPT' })
  })

  it('does not begin where a record cannot be read, or is of a later version', async () => {
    const cut = tampered(async (store, keys) => {
      const value = (await store.get(keys[3]!))!
      await store.write([{ key: keys[3]!, value: value.subarray(0, -1) }])
    })
    await assert.rejects(cut, { code: 'ERR_CORRUPT' })
    const later = tampered((store, keys) => store.write([{ key: keys[3]!, value: Uint8Array.of(2, 0, 0, 0) }]))
    await assert.rejects(later, { code: 'ERR_CORRUPT' })
    const twice = tampered(async (store, keys) => {
      await store.write([{ key: keys[3]!, value: (await store.get(keys.at(-1)!))! }])
    })
    await assert.rejects(twice, { code: 'ERR_CORRUPT' })
  })

  it('does not begin where its last record is gone, once that had time to be witnessed', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    await cluster.propose(...numbered(3))
    await cluster.world.time.advance(3_000)
    // It is on disk with whatever is written next.
    await cluster.run(cluster.hosts[0]!.store.write([{ key: 'other', value: Uint8Array.of(1) }]))
    cluster.crash(0)
    const { store } = await cluster.boot(0)
    const last = (await keysOf(store, 'raft/orders/w/')).at(-1)!
    await cluster.run(store.write([{ key: last, value: undefined }]))
    await assert.rejects(cluster.open(0), { code: 'ERR_CORRUPT' })
  })

  it('does not begin where all of its store is gone, in this life or a later one', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    await cluster.propose(...numbered(3))
    await cluster.agree(3)
    cluster.crash(0)
    await swap(cluster, await cluster.boot(0), new Map())
    await assert.rejects(cluster.open(0), { code: 'ERR_CORRUPT', details: { ...lost, stored: 0, marked: 1 } })
    cluster.crash(0)
    await cluster.boot(0)
    await assert.rejects(cluster.open(0), { code: 'ERR_CORRUPT', details: { ...lost, stored: 0, marked: 1 } })
    await cluster.open(0, 'another')
    await cluster.propose('the others go on')
  })

  it('does not begin with an older copy of its store', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    await cluster.propose(...numbered(3))
    await cluster.agree(3)
    cluster.crash(0)
    const copy = await all((await cluster.boot(0)).store)
    await cluster.open(0)
    await cluster.propose('after')
    await cluster.agree(4)
    cluster.crash(0)
    await swap(cluster, await cluster.boot(0), copy)
    await assert.rejects(cluster.open(0), { code: 'ERR_CORRUPT', details: { ...lost, stored: 1, marked: 2 } })
  })

  it('ends where a leader knows that it had more than it has', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    const leader = await cluster.leader()
    const i = cluster.hosts.findIndex((host) => host !== leader)
    await cluster.propose(...numbered(3))
    await cluster.agree(3)
    cluster.crash(i)
    const host = await cluster.boot(i)
    // As where the whole folder is an older one: nothing here can tell.
    const keys = await keysOf(host.store, 'raft/orders/w/')
    await cluster.run(host.store.write([keys.at(-1)!, 'raft/orders/e'].map((key) => ({ key, value: undefined }))))
    const replica = await cluster.open(i)
    await cluster.until('it has ended', () => replica.ended !== undefined)
    assert.deepEqual([replica.ended!.code, leader.role], ['ERR_CORRUPT', 'leader'])
  })

  it('does not begin where the snapshot that took the place of its log is gone', async () => {
    await using cluster = await Cluster.of(3, { disks: {}, options: { trailingEntries: 0 } })
    const leader = await cluster.leader()
    const i = cluster.hosts.findIndex((host) => host !== leader)
    await cluster.agree(0)
    cluster.crash(i)
    for (const line of numbered(10)) await cluster.propose(line)
    await cluster.run(leader.replica.snapshot())
    const { store } = await cluster.boot(i)
    const before = (await store.get('raft/orders/b'))!
    await cluster.open(i)
    await cluster.agree(10)
    await cluster.propose('after')
    await cluster.agree(11)
    cluster.crash(i)
    // As though the disk had never had it: what stood before is there again.
    const { store: again } = await cluster.boot(i)
    const keys = await keysOf(again, 'raft/orders/w/')
    await cluster.run(again.write([{ key: 'raft/orders/b', value: before }]))
    assert.ok(keys.length > 0)
    await assert.rejects(cluster.open(i), { code: 'ERR_CORRUPT' })
  })

  it('does not begin where the disk was damaged below what it had promised to keep', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    for (const line of numbered(12)) await cluster.propose(line)
    cluster.crash(0)
    const [[path, size]] = [...cluster.disk(0).files()].filter(([name]) => !name.includes('/')) as [[string, number]]
    cluster.disk(0).damage(path, Math.floor(size / 2), 16)
    await cluster.boot(0)
    await assert.rejects(cluster.open(0), { code: 'ERR_CORRUPT' })
    cluster.crash(0)
    // It is one of three: the others need nobody.
    await cluster.propose('after')
  })

  it('keeps a snapshot in place of the records that it stands for, and begins with it', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    for (const line of numbered(10)) await cluster.propose(line)
    await cluster.agree(10)
    const [host] = cluster.hosts as [Host]
    const before = await keysOf(host.store, 'raft/orders/w/')
    const meta = await cluster.run(host.replica.snapshot())
    assert.equal(meta.index, host.replica.status().applied)
    assert.deepEqual(meta.configuration.voters, cluster.voters)
    const after = await keysOf(host.store, 'raft/orders/w/')
    assert.ok(after.length < before.length)
    assert.equal((await keysOf(host.store, 'raft/orders/s/')).length, 1)
    assert.deepEqual(await cluster.run(host.replica.snapshot()), meta)
    await cluster.propose('after')
    await cluster.agree(11)
    const again = await cluster.run(host.replica.snapshot())
    assert.equal((await keysOf(host.store, 'raft/orders/s/')).length, 1)
    await cluster.restart(0)
    const { ledger, replica } = cluster.hosts[0]!
    assert.deepEqual(ledger.lines, [...numbered(10), 'after'])
    const told: Followed[] = []
    replica.follow(1, (followed) => told.push(followed))
    await cluster.propose('last')
    await cluster.until('it has told both', () => told.length === 2)
    const [first, second] = told as [Followed & { snapshot: Uint8Array }, Followed & { applied: { body: unknown }[] }]
    assert.equal(first.index, again.index)
    assert.deepEqual(JSON.parse(Buffer.from(first.snapshot).toString()), [...numbered(10), 'after'])
    assert.deepEqual(
      second.applied.map(({ body }) => body),
      ['last']
    )
  })

  it('cuts a large snapshot into parts, and misses the one that is gone', async () => {
    await using cluster = await Cluster.of(1, { disks: {} })
    for (const letter of 'abc') await cluster.propose(letter.repeat(700_000))
    await cluster.run(cluster.hosts[0]!.replica.snapshot())
    const parts = await keysOf(cluster.hosts[0]!.store, 'raft/orders/s/')
    assert.equal(parts.length, 3)
    await cluster.restart(0)
    assert.deepEqual(
      cluster.hosts[0]!.ledger.lines.map(({ length }) => length),
      [700_000, 700_000, 700_000]
    )
    cluster.crash(0)
    const { store } = await cluster.boot(0)
    await cluster.run(store.write([{ key: parts[1]!, value: undefined }]))
    await assert.rejects(cluster.open(0), { code: 'ERR_CORRUPT' })
  })

  for (let seed = 1; seed <= 6; seed++) {
    it(`has the former snapshot or the new one after a crash in between (seed ${seed})`, async () => {
      await using cluster = await Cluster.of(1, { seed, disks: { syncLatency: [5, 5] } })
      await cluster.propose(...'abcd'.split('').map((letter) => letter.repeat(700_000)))
      await cluster.run(cluster.hosts[0]!.replica.snapshot())
      await cluster.propose('e'.repeat(700_000))
      cluster.hosts[0]!.replica.snapshot().catch(() => {})
      await cluster.world.time.advance(3 + 4 * seed)
      await cluster.restart(0)
      const { ledger, store } = cluster.hosts[0]!
      await cluster.leader()
      await cluster.until('all is applied', () => ledger.lines.length === 5)
      const indices = (await keysOf(store, 'raft/orders/s/')).map((key) => key.split('/')[3])
      assert.equal(new Set(indices).size, 1)
    })
  }

  it('brings who lacks what is compacted up to date with a snapshot', async () => {
    const raft = { chunkBytes: 64 }
    await using cluster = await Cluster.of(3, { disks: {}, options: { trailingEntries: 2, raft } })
    await cluster.propose(...numbered(3))
    await cluster.agree(3)
    const leader = await cluster.leader()
    const i = cluster.hosts.findIndex((host) => host !== leader)
    cluster.crash(i)
    // One append waits in the link to it meanwhile.
    for (const line of numbered(30, 3)) await cluster.propose(line)
    await cluster.run(leader.replica.snapshot())
    cluster.frames.length = 0
    await cluster.restart(i)
    const behind = cluster.hosts[i]!
    const told: Followed[] = []
    behind.replica.follow(1, (followed) => told.push(followed))
    assert.deepEqual(await cluster.agree(33), numbered(33))
    const parts = cluster.frames.filter(({ to, kind }) => to === behind.peer && kind === Kind.snapshot)
    assert.ok(parts.length > 2)
    assert.equal((await keysOf(behind.store, 'raft/orders/s/')).length, 1)
    await cluster.propose('after')
    await cluster.agree(34)
    await cluster.restart(i)
    assert.deepEqual(await cluster.agree(34), [...numbered(33), 'after'])
    assert.ok(told.some((one) => 'snapshot' in one))
  })

  it('takes a snapshot by itself after so many entries, and keeps some for who is a little behind', async () => {
    await using cluster = await Cluster.of(3, { disks: {}, options: { snapshotEntries: 10, trailingEntries: 5 } })
    for (const line of numbered(35)) await cluster.propose(line)
    await cluster.agree(35)
    for (const { store } of cluster.hosts) {
      assert.equal((await keysOf(store, 'raft/orders/s/')).length, 1)
      assert.ok((await keysOf(store, 'raft/orders/w/')).length < 35)
    }
    const leader = await cluster.leader()
    const i = cluster.hosts.findIndex((host) => host !== leader)
    cluster.crash(i)
    await cluster.propose('one more')
    await cluster.run(leader.replica.snapshot())
    cluster.frames.length = 0
    await cluster.restart(i)
    await cluster.agree(36)
    assert.equal(cluster.frames.filter(({ kind }) => kind === Kind.snapshot).length, 0)
  })

  it('takes a snapshot by itself once the log is so much longer than the last one', async () => {
    await using cluster = await Cluster.of(1, { disks: {}, options: { snapshotBytes: 2_000 } })
    const { store } = cluster.hosts[0]!
    const snapshots = (): Promise<string[]> => keysOf(store, 'raft/orders/s/')
    await cluster.propose('x'.repeat(1_000))
    assert.equal((await snapshots()).length, 0)
    await cluster.propose('x'.repeat(1_000))
    await cluster.world.time.advance(50)
    const [first] = await snapshots()
    assert.ok(first !== undefined)
    await cluster.propose(...Array.from({ length: 7 }, () => 'x'.repeat(1_000)))
    await cluster.world.time.advance(50)
    // Four times 2 KB are not full yet.
    assert.deepEqual(await snapshots(), [first])
    await cluster.propose('x'.repeat(1_000))
    await cluster.world.time.advance(50)
    assert.notDeepEqual(await snapshots(), [first])
  })

  it('goes on where no snapshot can be taken, and says so once each time that one is due', async () => {
    await using cluster = await Cluster.of(1, { options: { snapshotEntries: 10 } })
    const [host] = cluster.hosts as [Host]
    host.ledger.capture = () => {
      throw new Error('not now')
    }
    for (const line of numbered(25)) await cluster.propose(line)
    await cluster.until('it was due twice', () => host.events.length === 2)
    assert.deepEqual(new Set(host.events.map(({ kind }) => kind)), new Set(['snapshot-failed']))
    await cluster.propose('on')
  })
})
