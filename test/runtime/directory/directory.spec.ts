import assert from 'node:assert/strict'
import { createDirectory } from '../../../src/runtime/directory/directory.ts'
import type { Directory } from '../../../src/runtime/directory/types.ts'
import { loadIdentity } from '../../../src/runtime/libp2p/identity.ts'
import { blobOf, hostOf, ManualClock, TableInMemory, unreachable } from './table.ts'

const MINUTE = 60_000

describe('the directory', () => {
  let clock: ManualClock
  let table: TableInMemory
  let directory: Directory
  let peers: string[]
  let own: { blob: Uint8Array } | undefined

  before(async () => {
    peers = (await Promise.all(Array.from({ length: 3 }, () => loadIdentity()))).map(({ peer }) => peer)
  })

  beforeEach(async () => {
    clock = new ManualClock()
    table = new TableInMemory()
    own = { blob: Uint8Array.of(1) }
    directory = createDirectory({ host: hostOf('self'), routing: table, clock, ownRecord: () => own })
    for (const peer of peers) table.values.set(`/phoenix-host/${peer}`, await blobOf(peer, clock.now() + 10 * MINUTE))
  })
  afterEach(() => directory.stop())

  const find = async (name: string) => {
    const found: string[] = []
    for await (const { peer } of directory.find(name)) found.push(peer)
    return found
  }

  describe('announcing', () => {
    it('stores our record first, then names, no more than 20 a second', async () => {
      for (let i = 0; i < 100; i++) directory.provide(`agent-${i}`)
      assert.equal(table.calls.length, 0, 'nothing before the start')
      directory.start()
      await clock.advance(950)
      assert.equal(table.calls[0], 'put /phoenix-host/self')
      assert.equal(table.count('provide'), 20)
      await clock.advance(4_000)
      assert.equal(table.count('provide'), 100)
      assert.equal(table.count('put'), 1)
    })

    it('announces again after half of the lifetime, until withdrawn', async () => {
      directory.start()
      directory.provide('worker')
      await directory.provided('worker')
      await clock.advance(31 * MINUTE)
      assert.equal(table.count('provide'), 2)
      directory.withdraw('worker')
      await clock.advance(120 * MINUTE)
      assert.equal(table.count('provide'), 2)
      assert.equal(table.count('withdraw /phoenix-agent/worker'), 1)
    })

    it('tries again where nobody is there, or where every put is refused without an error', async () => {
      directory.start()
      table.refusesPuts = true
      directory.provide('worker')
      await clock.advance(100)
      assert.deepEqual([table.count('put'), table.count('provide')], [1, 0])
      table.refusesPuts = false
      table.failure = unreachable
      await clock.advance(5_000)
      assert.deepEqual([table.count('put'), table.count('provide')], [2, 1])
      table.failure = undefined
      const announced = directory.provided('worker')
      await clock.advance(5_000)
      await announced
    })

    it('waits for our record, and stores it again when it changes', async () => {
      own = undefined
      directory.start()
      directory.provide('a')
      await clock.advance(100)
      assert.equal(table.calls.length, 0)
      own = { blob: Uint8Array.of(1) }
      await clock.advance(5_000)
      own = { blob: Uint8Array.of(2) }
      directory.provide('b')
      await clock.advance(100)
      assert.deepEqual(
        table.calls.map((call) => call.split(' ')[0]),
        ['put', 'provide', 'put', 'provide']
      )
    })

    it('says so where a name is not provided, or the caller waits no more', async () => {
      await assert.rejects(directory.provided('nobody'), { code: 'ERR_NO_RESPONDERS' })
      directory.provide('worker')
      const waiting = new AbortController()
      const wait = directory.provided('worker', { signal: waiting.signal })
      waiting.abort()
      await assert.rejects(wait, { code: 'ERR_ABORTED' })
      assert.throws(() => directory.provide(''), { code: 'ERR_LIMIT' })
    })

    it('leaves nobody waiting for an announcement that will not come', async () => {
      directory.provide('worker')
      const withdrawn = directory.provided('worker')
      directory.withdraw('worker')
      await assert.rejects(withdrawn, { code: 'ERR_NO_RESPONDERS' })
      directory.provide('worker')
      const stopped = directory.provided('worker')
      directory.stop()
      await assert.rejects(stopped, { code: 'ERR_STOPPED' })
      await assert.rejects(directory.provided('worker'), { code: 'ERR_STOPPED' })
    })
  })

  describe('finding', () => {
    beforeEach(() => table.providers.set('/phoenix-agent/worker', [...peers, 'self']))

    it('gives hosts with a good record, and not ourselves', async () => {
      assert.deepEqual((await find('worker')).sort(), [...peers].sort())
    })

    it('leaves out hosts whose record is missing, expired, forged or garbage', async () => {
      const [missing, expired, forged] = peers as [string, string, string]
      table.values.delete(`/phoenix-host/${missing}`)
      table.values.set(`/phoenix-host/${expired}`, await blobOf(expired, clock.now()))
      table.values.set(`/phoenix-host/${forged}`, await blobOf(forged, clock.now() + MINUTE, missing))
      assert.deepEqual(await find('worker'), [])
      await clock.advance(3_000)
      table.values.set(`/phoenix-host/${expired}`, Uint8Array.of(7))
      assert.deepEqual(await find('worker'), [])
    })

    it('asks once in 30 s for what it found, once in 2 s for nobody', async () => {
      for (let i = 0; i < 5; i++) await find('worker')
      assert.equal(table.count('find'), 1)
      await clock.advance(30_000)
      await find('worker')
      assert.equal(table.count('find'), 2)
      for (let i = 0; i < 5; i++) await find('nobody')
      assert.equal(table.count('find /phoenix-agent/nobody'), 1)
      table.providers.set('/phoenix-agent/nobody', peers.slice(0, 1))
      await clock.advance(2_000)
      assert.deepEqual(await find('nobody'), peers.slice(0, 1))
    })

    it('asks anew for a name and a host that were forgotten', async () => {
      await find('worker')
      directory.forget('worker', peers[0]!)
      assert.deepEqual((await find('worker')).sort(), [...peers].sort())
      assert.deepEqual([table.count('find'), table.count('get')], [2, peers.length + 1])
    })

    it('does not take a failed search for nobody', async () => {
      table.failure = unreachable
      await assert.rejects(find('nobody'), { code: 'ERR_PEER_UNREACHABLE' })
      table.failure = undefined
      table.providers.set('/phoenix-agent/nobody', peers)
      assert.equal((await find('nobody')).length, 3)
    })

    it('keeps what it found before a search failed', async () => {
      table.failure = unreachable
      assert.deepEqual((await find('worker')).sort(), [...peers].sort())
    })

    it('gives the first host while the search goes on, and ends with its caller', async () => {
      let ended = false
      table.findProviders = async function* () {
        try {
          yield peers[0]!
          await new Promise((resolve) => setImmediate(resolve))
          yield peers[1]!
        } finally {
          ended = true
        }
      }
      for await (const { peer, addresses } of directory.find('worker')) {
        assert.equal(peer, peers[0])
        assert.deepEqual(addresses, [`/memory/${peer}`])
        break
      }
      await clock.advance(0)
      assert.equal(ended, true)
    })
  })
})
