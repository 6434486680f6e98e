import assert from 'node:assert/strict'
import { hostKey } from '../../protocols/directory/keys.ts'
import { signRecord } from '../../protocols/overlay/record.ts'
import { loadIdentity } from '../../src/runtime/libp2p/identity.ts'
import { createLibp2pNetwork, type Libp2pNetwork } from '../../src/runtime/libp2p/network.ts'
import { type HostProcess, hostProcess } from '../kit/host-process.ts'
import { until } from '../kit/until.ts'

type Scripts = typeof import('./many-nodes.ts')

const script = new URL('./many-nodes.ts', import.meta.url)
const PROCESSES = 5
const EACH = 10
/** Whom a view may hold: the table has to answer for the other 41. ms that a busy machine may take are no failure. */
const limits = { members: 8, resolveTimeout: 15_000, requestTimeout: 30_000 }

interface Resident {
  host: HostProcess<Scripts>
  index: number
  peerId: string
  view: string[]
}

/** A libp2p host in the mesh's table that is no node of ours: it stores what it likes. */
async function stranger(address: string): Promise<Libp2pNetwork> {
  const network = await createLibp2pNetwork({ identity: await loadIdentity(), listen: ['/ip4/127.0.0.1/tcp/0'] })
  // Its own node has no scruples, or it would refuse to send.
  network.routing.validate('/phoenix-host/', async () => true)
  await network.host.start()
  await network.host.dial(address)
  return network
}

describe('fifty nodes whose views hold eight', function () {
  this.timeout(120_000)
  let hosts: HostProcess<Scripts>[]
  let mesh: Resident[]

  async function residents(): Promise<Resident[]> {
    const all = hosts.map(async (host) => {
      return (await host.call('residents')).map((resident, index) => ({ host, index, ...resident }))
    })
    return (await Promise.all(all)).flat()
  }

  /** One node of each of the first four processes that does not hold any of these in its view. */
  function outsiders(...others: Resident[]): Resident[] {
    const knowsNone = ({ view, host }: Resident): boolean =>
      others.every((other) => host !== other.host && !view.includes(other.peerId))
    return hosts.flatMap((host) => mesh.find((resident) => resident.host === host && knowsNone(resident)) ?? [])
  }

  const register = ({ host, index }: Resident, name: string) => host.call('register', index, name)
  const ask = ({ host, index }: Resident, name: string) => host.call('ask', index, name)

  before(async () => {
    const first = await hostProcess<Scripts>(script, { name: 'host-0', limits })
    const options = { bootstrap: first.addresses, limits }
    const names = Array.from({ length: PROCESSES - 1 }, (_, i) => `host-${i + 1}`)
    hosts = [first, ...(await Promise.all(names.map((name) => hostProcess<Scripts>(script, { name, ...options }))))]
    await Promise.all(hosts.map((host) => host.call('populate', EACH, options)))
    await until('full views', async () => (await residents()).every(({ view }) => view.length === limits.members))
    mesh = await residents()
  })
  after(() => Promise.all(hosts.map((host) => host.kill())))

  it('are fifty, and each knows eight of them', () => {
    const everybody = new Set(mesh.map(({ peerId }) => peerId))
    assert.equal(everybody.size, PROCESSES * EACH)
    for (const { peerId, view } of mesh) {
      assert.equal(view.length, limits.members)
      assert.ok(view.every((peer) => peer !== peerId && everybody.has(peer)))
    }
  })

  it('find an agent on a node outside their view by the table, and reach it', async () => {
    const home = mesh.at(-4)!
    await register(home, 'oracle')
    const askers = outsiders(home)
    assert.ok(askers.length >= 3, `only ${askers.length} processes have a node that does not know the host`)
    for (const asker of askers) {
      assert.equal(await ask(asker, 'oracle'), home.peerId)
      assert.equal(await asker.host.call('send', asker.index, 'oracle'), home.peerId)
    }
    assert.equal(await ask(askers[0]!, 'nobody'), 'ERR_NO_RESPONDERS')
  })

  it('end a request for an agent that was withdrawn as nobody’s, and find it where it is registered next', async () => {
    const [home, next] = [mesh.at(-6)!, mesh.at(EACH + 3)!]
    await register(home, 'nomad')
    const [asker] = outsiders(home, next)
    assert.equal(await ask(asker!, 'nomad'), home.peerId)
    await home.host.call('withdraw', 'nomad')
    assert.equal(await ask(asker!, 'nomad'), 'ERR_NO_RESPONDERS')
    await register(next, 'nomad')
    await until('its new home', async () => (await ask(asker!, 'nomad')) === next.peerId)
  })

  it('believe of a host only what that host has signed, and nothing that has expired', async () => {
    const home = mesh.at(-2)!
    await register(home, 'honest')
    const forger = await stranger(hosts[0]!.addresses[0]!)
    try {
      const key = hostKey(home.peerId)
      const { host, routing } = forger
      await until('the record of the host', async () => (await routing.get(key)) !== undefined)
      const genuine = await routing.get(key)
      const record = { peer: home.peerId, name: 'honest', region: undefined, zone: undefined }
      const elsewhere = { ...record, addresses: ['/ip4/127.0.0.1/tcp/9'], incarnation: Date.now() + 1_000_000 }
      const forge = (expires: number, peer = home.peerId) =>
        signRecord({ ...elsewhere, peer, expires }, (bytes) => host.sign(bytes))
      assert.equal(await routing.put(key, (await forge(Date.now() + 60_000)).blob), 0, 'signed by another')
      const own = hostKey(host.peer)
      assert.equal(await routing.put(own, (await forge(Date.now() - 1, host.peer)).blob), 0, 'expired')
      assert.ok((await routing.put(own, (await forge(Date.now() + 60_000, host.peer)).blob)) > 0, 'its own')
      assert.deepEqual(await routing.get(key), genuine)
      // Anybody may claim to provide a name: whoever comes to him finds nobody, and goes on to the next.
      await routing.provide('/phoenix-agent/honest')
      for (const asker of outsiders(home)) assert.equal(await ask(asker, 'honest'), home.peerId)
    } finally {
      await forger.host.stop()
    }
  })

  it('find what is left of a group when a fifth of the mesh is killed', async () => {
    const [doomed, survivor] = [mesh.at(-1)!, mesh.at(2 * EACH + 5)!]
    await register(doomed, 'group')
    await register(survivor, 'group')
    const askers = outsiders(doomed, survivor)
    for (const asker of askers) {
      assert.ok([doomed.peerId, survivor.peerId].includes(String(await ask(asker, 'group'))))
    }
    await doomed.host.kill()
    for (const asker of askers) {
      await until('the survivor', async () => (await ask(asker, 'group')) === survivor.peerId, 60_000)
    }
  })
})
