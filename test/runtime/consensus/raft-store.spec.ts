import assert from 'node:assert/strict'
import type { Write } from '../../../src/core/consensus/ready.ts'
import type { Entry, HardState, Snapshot } from '../../../src/core/consensus/types.ts'
import { type Loaded, load } from '../../../src/runtime/consensus/load.ts'
import { createMemoryStore } from '../../../src/runtime/storage/memory-store.ts'
import type { Store } from '../../../src/runtime/storage/types.ts'

const GROUP = 'stock/ü'
const configuration = { voters: ['a', 'b', 'c'], outgoing: [], learners: ['d'] }

const open = (store: Store, voters = configuration.voters): Promise<Loaded> =>
  load(store, GROUP, 'a', { ...configuration, voters })
const entry = (index: number, term: number): Entry => ({
  ...{ index, term, kind: 'command', data: new Uint8Array([index, term]) }
})
const hard = (term: number, vote?: string, commit = 0): HardState => ({ term, vote, commit })
const snapshotAt = (index: number, term: number, bytes = 3): Snapshot => ({
  ...{ index, term, configuration, data: new Uint8Array(bytes).fill(index) }
})
let number = 0
const write = (entries: Entry[], hardState?: HardState, snapshot?: Snapshot): Write => ({
  ...{ number: ++number, sync: true, hardState, snapshot, entries }
})
const terms = ({ entries }: Loaded): string[] => entries.map(({ index, term }) => `${index}:${term}`)

/** All that a store has. */
async function contents(store: Store): Promise<Map<string, Uint8Array>> {
  const all = new Map<string, Uint8Array>()
  for await (const [key, value] of store.entries('')) all.set(key, value)
  return all
}

async function storeOf(all: Map<string, Uint8Array>): Promise<Store> {
  const store = createMemoryStore()
  await store.write([...all].map(([key, value]) => ({ key, value })))
  return store
}

describe('a replica’s store', () => {
  it('begins a group with nothing but its first configuration, and writes nothing for that', async () => {
    const store = createMemoryStore()
    const { snapshot, hardState, entries } = await open(store)
    assert.deepEqual(snapshot, { index: 0, term: 0, configuration, data: new Uint8Array() })
    assert.deepEqual(hardState, hard(0))
    assert.deepEqual(entries, [])
    assert.equal((await contents(store)).size, 0)
  })

  it('gives who is no member an empty group', async () => {
    const { snapshot } = await load(createMemoryStore(), GROUP, 'z', configuration)
    assert.deepEqual(snapshot.configuration, { voters: [], outgoing: [], learners: [] })
  })

  it('replays its records: what a leader has replaced is void', async () => {
    const store = createMemoryStore()
    const { store: log } = await open(store)
    const changed: Entry = { index: 4, term: 2, kind: 'configuration', configuration }
    await log.write(write([], hard(1, 'a')))
    await log.write(write([entry(1, 1), entry(2, 1), entry(3, 1), entry(4, 1)]))
    await log.write(write([{ ...entry(3, 2), kind: 'empty' }], hard(2, undefined, 2)))
    await log.write(write([changed]))
    const loaded = await open(store)
    assert.deepEqual(terms(loaded), ['1:1', '2:1', '3:2', '4:2'])
    assert.deepEqual(loaded.hardState, hard(2, undefined, 2))
    assert.deepEqual(loaded.entries[3], changed)
    assert.deepEqual(loaded.entries[0], entry(1, 1))
    await loaded.store.write(write([entry(5, 2)], hard(3, 'c', 4)))
    const again = await open(store)
    assert.deepEqual(terms(again), ['1:1', '2:1', '3:2', '4:2', '5:2'])
    assert.deepEqual(again.hardState, hard(3, 'c', 4))
  })

  it('drops the records that a snapshot stands for, and keeps what was promised in them', async () => {
    const store = createMemoryStore()
    const { store: log } = await open(store)
    await log.write(write([entry(1, 1), entry(2, 1)], hard(1, 'b')))
    await log.write(write([entry(3, 1), entry(4, 1)]))
    await log.write(write([entry(5, 1)]))
    assert.equal(await log.keep(snapshotAt(3, 1)), true)
    const loaded = await open(store)
    assert.deepEqual(terms(loaded), ['4:1', '5:1'])
    assert.deepEqual(loaded.hardState, hard(1, 'b'))
    assert.deepEqual(loaded.snapshot, snapshotAt(3, 1))
    assert.equal(await loaded.store.keep(snapshotAt(5, 1)), true)
    assert.equal(await loaded.store.keep(snapshotAt(5, 1)), false)
    const last = await open(store)
    assert.deepEqual(terms(last), [])
    assert.deepEqual(last.hardState, hard(1, 'b'))
    assert.deepEqual([...(await contents(store)).keys()].length, 2)
  })

  it('installs a leader’s snapshot in place of everything, with what follows it', async () => {
    const store = createMemoryStore()
    const { store: log } = await open(store)
    await log.write(write([entry(1, 1), entry(2, 1)], hard(1, 'b')))
    await log.keep(snapshotAt(1, 1))
    await log.write(write([entry(9, 3)], hard(3, undefined, 8), snapshotAt(8, 2, 2_500_000)))
    const loaded = await open(store)
    assert.deepEqual(loaded.snapshot, snapshotAt(8, 2, 2_500_000))
    assert.deepEqual(terms(loaded), ['9:3'])
    assert.deepEqual(loaded.hardState, hard(3, undefined, 8))
    const parts = [...(await contents(store)).keys()].filter((key) => key.includes('/s/'))
    assert.equal(parts.length, 3)
  })

  it('writes what comes after an installation only behind it, and keeps no snapshot of its own meanwhile', async () => {
    const inner = createMemoryStore()
    const keys: string[] = []
    const slow: Store = {
      ...{ durable: true, version: (key) => inner.version(key), get: (key) => inner.get(key) },
      ...{ entries: (prefix) => inner.entries(prefix), close: () => inner.close(), sync: () => inner.sync() },
      writeLater: (changes) => inner.writeLater(changes),
      write: (changes) => {
        keys.push(...changes.flatMap(({ key, value }) => (value === undefined ? [] : key.split('/')[2]!)))
        return inner.write(changes)
      }
    }
    const { store: log } = await open(slow)
    await log.write(write([entry(1, 1), entry(2, 1)], hard(1)))
    keys.length = 0
    const own = log.keep(snapshotAt(2, 1))
    const installed = log.write(write([], hard(2), snapshotAt(8, 2, 2_500_000)))
    const after = log.write(write([entry(9, 2)]))
    assert.equal(await own, false)
    await Promise.all([installed, after])
    assert.deepEqual(keys, ['s', 's', 's', 's', 'b', 'w'])
    assert.deepEqual(terms(await open(inner)), ['9:2'])
    const parts = [...(await contents(inner)).keys()].filter((key) => key.includes('/s/'))
    assert.equal(parts.length, 3)
  })

  it('fails what comes after an installation that failed', async () => {
    const inner = createMemoryStore()
    const { store: log } = await open(inner)
    await log.write(write([entry(1, 1)], hard(1)))
    inner.write = () => Promise.reject(new Error('EIO'))
    const installed = log.write(write([], hard(2), snapshotAt(8, 2)))
    const after = log.write(write([entry(9, 2)]))
    await assert.rejects(installed, { message: 'EIO' })
    await assert.rejects(after, { message: 'EIO' })
    await assert.rejects(log.write(write([entry(10, 2)])), { message: 'EIO' })
  })

  it('notices that an installation is missing before a later record', async () => {
    const store = createMemoryStore()
    const { store: log } = await open(store)
    await log.write(write([entry(1, 1)], hard(1)))
    const before = await contents(store)
    await log.write(write([], hard(2), snapshotAt(8, 2)))
    await log.write(write([], hard(3)))
    const after = await contents(store)
    const last = [...after.keys()].filter((key) => key.includes('/w/')).at(-1)!
    const torn = await storeOf(new Map([...before, [last, after.get(last)!]]))
    await assert.rejects(open(torn), { code: 'ERR_CORRUPT' })
  })

  it('notices that its last record is missing, once it has said that it was there', async () => {
    const store = createMemoryStore()
    const { store: log } = await open(store)
    await log.write(write([entry(1, 1)], hard(1)))
    await log.write(write([entry(2, 1)]))
    const without = async (): Promise<Store> => {
      const all = await contents(store)
      all.delete([...all.keys()].filter((key) => key.includes('/w/')).at(-1)!)
      return storeOf(all)
    }
    assert.deepEqual(terms(await open(await without())), ['1:1'])
    log.bearWitness()
    await assert.rejects(open(await without()), { code: 'ERR_CORRUPT' })
    await open(store)
    await log.keep(snapshotAt(2, 1))
    await open(store)
    const all = await contents(store)
    for (const key of all.keys()) if (key.endsWith('/b')) all.delete(key)
    await assert.rejects(open(await storeOf(all)), { code: 'ERR_CORRUPT' })
  })

  it('notices a gap between entries', async () => {
    const store = createMemoryStore()
    const { store: log } = await open(store)
    await log.write(write([entry(1, 1)], hard(1)))
    await log.write(write([entry(3, 1)]))
    await assert.rejects(open(store), { code: 'ERR_CORRUPT' })
  })

  it('knows the voters that it began with, those of now, and those that are left', async () => {
    const store = createMemoryStore()
    const { store: log } = await open(store)
    const joint = { voters: ['b', 'c', 'd'], outgoing: ['a', 'b', 'c'], learners: [] }
    await log.write(write([{ index: 1, term: 1, kind: 'configuration', configuration: joint }], hard(1)))
    await open(store)
    await open(store, ['d', 'c', 'b'])
    await assert.rejects(open(store, ['a', 'b', 'd']), { code: 'ERR_VOTERS_MISMATCH' })
    await assert.rejects(open(store, ['b', 'c']), { code: 'ERR_VOTERS_MISMATCH' })
  })
})
