import assert from 'node:assert/strict'
import { hosts, text } from './hosts.ts'

/** A star around the first host. */
async function star(count: number) {
  const { world, places } = await hosts(count)
  const networks = places.map(({ network }) => network)
  for (const { host } of networks.slice(1)) await world.time.run(host.dial(networks[0]!.host.peer), 1_000)
  return { world, networks, tables: networks.map(({ routing }) => routing) }
}

async function collect(items: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('a simulated hash table', () => {
  it('finds providers from anywhere, and learns where they are', async () => {
    const { world, networks, tables } = await star(4)
    await world.time.run(tables[1]!.provide('/agent/worker'), 1_000)
    const found = await world.time.run(collect(tables[3]!.findProviders('/agent/worker')), 1_000)
    assert.deepEqual(found, [networks[1]!.host.peer])
    assert.deepEqual(await world.time.run(collect(tables[3]!.findProviders('/agent/nobody')), 1_000), [])
  })

  it('keeps a value where it is valid, and counts who took it', async () => {
    const { world, tables } = await star(4)
    for (const table of tables) table.validate('/host/', async (_, value) => value[0] !== 0)
    tables[2]!.validate('/host/', async () => false)
    assert.equal(await world.time.run(tables[1]!.put('/host/x', Uint8Array.of(1)), 1_000), 2)
    assert.equal(await world.time.run(tables[1]!.put('/host/x', Uint8Array.of(0)), 1_000), 0)
    assert.deepEqual(await world.time.run(tables[3]!.get('/host/x'), 1_000), Uint8Array.of(1))
    assert.equal(await world.time.run(tables[3]!.get('/host/y'), 1_000), undefined)
  })

  it('prefers the value that the selector calls best', async () => {
    const { world, tables } = await star(3)
    const latest = (_: string, values: Uint8Array[]) =>
      values.findIndex(([v]) => v === Math.max(...values.map(([w]) => w!)))
    for (const table of tables) table.select('/host/', latest)
    await world.time.run(tables[1]!.put('/host/x', Uint8Array.of(2)), 1_000)
    assert.equal(await world.time.run(tables[2]!.put('/host/x', Uint8Array.of(1)), 1_000), 0)
    assert.deepEqual(await world.time.run(tables[2]!.get('/host/x'), 1_000), Uint8Array.of(2))
  })

  it('refuses to pretend when nobody is in reach', async () => {
    const { world, places } = await hosts(2)
    const { routing } = places[0]!.network
    await assert.rejects(world.time.run(routing.provide('/agent/x'), 1_000), { code: 'ERR_PEER_UNREACHABLE' })
    await assert.rejects(world.time.run(routing.put('/host/x', text('v')), 1_000), { code: 'ERR_PEER_UNREACHABLE' })
  })

  it('loses what lived on the other side of a cut', async () => {
    const { world, tables } = await star(2)
    await world.time.run(tables[1]!.provide('/agent/worker'), 1_000)
    world.cut('a', 'b')
    await assert.rejects(world.time.run(collect(tables[1]!.findProviders('/agent/x')), 1_000), {
      code: 'ERR_PEER_UNREACHABLE'
    })
  })
})
