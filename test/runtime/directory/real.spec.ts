import assert from 'node:assert/strict'
import { hostKey } from '../../../protocols/directory/keys.ts'
import { signRecord } from '../../../protocols/overlay/record.ts'
import { createDirectory } from '../../../src/runtime/directory/directory.ts'
import type { Directory } from '../../../src/runtime/directory/types.ts'
import type { Libp2pNetwork } from '../../../src/runtime/libp2p/network.ts'
import { systemClock } from '../../../src/runtime/system/clock.ts'
import { Loopback, until } from '../libp2p/loopback.ts'

const HOUR = 3_600_000

async function recordOf(
  { host }: Libp2pNetwork,
  change: { expires?: number; addresses?: string[]; incarnation?: number } = {}
) {
  const record = {
    peer: host.peer,
    name: 'test',
    region: undefined,
    zone: undefined,
    addresses: host.addresses(),
    incarnation: 1,
    expires: Date.now() + HOUR,
    ...change
  }
  return signRecord(record, (bytes) => host.sign(bytes))
}

describe('the directory over a real table', () => {
  const loopback = new Loopback()
  afterEach(() => loopback.stop())

  async function directoryOf(network: Libp2pNetwork, signed = recordOf(network)): Promise<Directory> {
    const record = await signed
    const { host, routing } = network
    const options = { retryAfter: 200, renewAfter: HOUR, announcementsPerSecond: 200 }
    const directory = createDirectory({ host, routing, clock: systemClock, ownRecord: () => record, options })
    directory.start()
    return directory
  }

  const collect = async (directory: Directory, name: string) => {
    const found = new Map<string, readonly string[]>()
    for await (const { peer, addresses } of directory.find(name)) found.set(peer, addresses)
    return found
  }

  it('works with two nodes', async () => {
    const [a, b] = await loopback.startMany(2)
    const signed = recordOf(a!)
    const [atA, atB] = [await directoryOf(a!, signed), await directoryOf(b!)]
    atA.provide('worker')
    await atA.provided('worker')
    const { record } = await signed
    assert.deepEqual(await collect(atB, 'worker'), new Map([[a!.host.peer, record.addresses]]))
    assert.deepEqual(await collect(atB, 'nobody'), new Map())
    assert.deepEqual(await collect(atA, 'worker'), new Map(), 'not itself')
    for (const directory of [atA, atB]) directory.stop()
  })

  it('works with twelve, and gives every host of a name', async function () {
    this.timeout(15_000)
    const nodes = await loopback.startMany(12)
    const directories = await Promise.all(nodes.map((node) => directoryOf(node)))
    for (const index of [3, 7]) directories[index]!.provide('worker')
    for (const index of [3, 7]) await directories[index]!.provided('worker')
    for (const index of [0, 11]) {
      const found = await collect(directories[index]!, 'worker')
      assert.deepEqual([...found.keys()].sort(), [nodes[3]!.host.peer, nodes[7]!.host.peer].sort())
    }
    for (const directory of directories) directory.stop()
  })

  it('refuses what a forger stores: another key, another signer, expired, immortal, oversized, garbage', async () => {
    const [a, b, forger] = await loopback.startMany(3)
    const directories = await Promise.all([a!, b!].map((node) => directoryOf(node)))
    // The forger's own node has no scruples, or it would refuse to send.
    forger!.routing.validate('/phoenix-host/', async () => true)
    const good = await recordOf(a!)
    assert.ok((await a!.routing.put(hostKey(a!.host.peer), good.blob)) > 0)
    const signedByForger = await signRecord({ ...good.record, addresses: ['/ip4/6.6.6.6/tcp/6'] }, (bytes) =>
      forger!.host.sign(bytes)
    )
    const forgeries: Array<[string, string, Uint8Array]> = [
      ['signed by another', a!.host.peer, signedByForger.blob],
      ['of another peer', a!.host.peer, (await recordOf(forger!)).blob],
      ['expired', forger!.host.peer, (await recordOf(forger!, { expires: Date.now() - 1 })).blob],
      ['immortal', forger!.host.peer, (await recordOf(forger!, { expires: Date.now() + 48 * HOUR })).blob],
      ['oversized', forger!.host.peer, new Uint8Array(20_000)],
      ['garbage', forger!.host.peer, Uint8Array.of(1, 2, 3)]
    ]
    for (const [what, peer, blob] of forgeries) {
      assert.equal(await forger!.routing.put(hostKey(peer), blob), 0, what)
    }
    assert.deepEqual(await b!.routing.get(hostKey(a!.host.peer)), good.blob)
    assert.equal(await b!.routing.get(hostKey(forger!.host.peer)), undefined)
    for (const directory of directories) directory.stop()
  })

  it('gives nothing that has expired since it was stored', async () => {
    const [a, b, c] = await loopback.startMany(3)
    const directories = await Promise.all([a!, b!, c!].map((node) => directoryOf(node)))
    const key = hostKey(a!.host.peer)
    const record = await recordOf(a!, { expires: Date.now() + 2_000 })
    assert.ok((await a!.routing.put(key, record.blob)) > 0)
    assert.deepEqual(await b!.routing.get(key), record.blob)
    await until(async () => (await b!.routing.get(key)) === undefined)
    for (const directory of directories) directory.stop()
  })

  it('prefers the newer of two records', async () => {
    const [a, b, c] = await loopback.startMany(3)
    const directories = await Promise.all([a!, b!, c!].map((node) => directoryOf(node)))
    const [old, fresh] = [await recordOf(a!), await recordOf(a!, { incarnation: 2, addresses: [] })]
    const key = hostKey(a!.host.peer)
    await a!.routing.put(key, fresh.blob)
    // A peer that holds the old one hands it out too.
    await c!.routing.put(key, old.blob)
    await a!.routing.put(key, fresh.blob)
    assert.deepEqual(await b!.routing.get(key), fresh.blob)
    for (const directory of directories) directory.stop()
  })
})
