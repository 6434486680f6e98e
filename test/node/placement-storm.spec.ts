import assert from 'node:assert/strict'
import type { Agent, Node, Receiver } from '../../src/index.ts'
import { seededDice } from '../../src/testing/dice.ts'
import { createMesh } from '../../src/testing/index.ts'

const MESSAGES = 60
const SEEDS = (process.env['PLACEMENT_SEEDS'] ?? '1,2,3').split(',').map(Number)

/** Crashes, cuts and moves while messages are sent; whatever happens, each is booked once. */
async function storm(seed: number): Promise<unknown[]> {
  const { random } = seededDice(`placement/${seed}`)
  const below = (n: number): number => Math.floor(random() * n)
  await using mesh = await createMesh({
    ...{ nodes: 6, seed, latency: [1, 1 + below(30)], disks: true, controlPlane: { voters: [0, 1, 2] } }
  })
  let runs = 0
  // Some handlers take longer than the lock of a host that is cut off lasts; each effect has a key of its own, so none hides another.
  const book: Receiver = async ({ data }, ctx) => {
    const key = `${data} ${runs++}`
    if (below(6) === 0) await mesh.sleep(below(4_500))
    await ctx.commit([{ type: 'put', key, value: data }])
  }
  const register = (node: Node): Promise<Agent> => node.agent('ledger', { receive: book, placed: true })
  const peer = (host: number): string => String(mesh.nodes[host]!.peerId)
  await register(mesh.nodes[3]!)
  await register(mesh.nodes[4]!)
  await mesh.nodes[0]!.placement.place('ledger', peer(3))
  const sender = await mesh.nodes[5]!.agent('sender')
  const settled: Promise<unknown>[] = []
  for (let i = 0; i < MESSAGES; i++) {
    const receipt = await sender.send('ledger', i, { delivery: 'exactly-once', durable: true, maxRetries: 1_000 })
    settled.push(receipt.settled)
    await mesh.advance(below(400))
    const drawn = below(14)
    if (drawn < 3) {
      const moving = mesh.nodes[5]!.placement.move('ledger', peer(3 + below(2)), { timeout: 60_000 })
      moving.catch((error: { code?: string }) =>
        assert.match(String(error.code), /^ERR_(CONFLICT|TIMEOUT|NO_\w+|STOPPED)$/)
      )
    } else if (drawn === 3) {
      const host = 3 + below(2)
      mesh.crash(host, { silent: below(2) === 0 })
      await mesh.advance(below(12_000))
      // It has to come to agree with who is there before it knows its place.
      await mesh.restart(host)
      // Its life may be over before.
      register(mesh.nodes[host]!).catch(() => {})
    } else if (drawn === 4) {
      const cut = below(5)
      mesh.partition(
        [cut],
        [0, 1, 2, 3, 4, 5].filter((other) => other !== cut)
      )
      await mesh.advance(below(12_000))
      mesh.heal()
    }
  }
  await mesh.run(Promise.all(settled), { limit: 600_000 })
  const booked: unknown[] = []
  for await (const [, value] of (await register(mesh.nodes[1]!)).state.entries()) booked.push(value)
  return booked
}

describe('placement in a storm', function () {
  this.timeout(120_000)

  for (const seed of SEEDS) {
    it(`has each effect once: PLACEMENT_SEEDS=${seed}`, async () => {
      const booked = await storm(seed)
      const expected = Array.from({ length: MESSAGES }, (_, i) => i)
      assert.deepEqual(
        booked.toSorted((a, b) => Number(a) - Number(b)),
        expected
      )
    })
  }
})
