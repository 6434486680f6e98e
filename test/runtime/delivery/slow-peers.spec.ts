import assert from 'node:assert/strict'
import { HeaderEncoder } from '../../../protocols/envelope/header-encoder.ts'
import { writeVarint } from '../../../protocols/envelope/varint.ts'
import { COUNTED } from '../../../protocols/framing/constants.ts'
import { Kind, PROTOCOL, RequestFlag } from '../../../protocols/request-response/constants.ts'
import { assemble } from '../../../src/node/assemble.ts'
import { resolveConfig } from '../../../src/node/config.ts'
import { Draft } from '../../../src/runtime/delivery/composer.ts'
import { World } from '../../../src/testing/world.ts'
import { fateOf, withMesh } from '../../agent/ground.ts'
import { framed, hello } from '../links/ground.ts'

/** The body of one request, as any client would write it. */
function requests(type: string, flags = 0): (id: number) => [number, Uint8Array] {
  const encoder = new HeaderEncoder()
  const draft = new Draft({
    source: 'phoenix://rogue/x',
    type,
    routing: { target: 'worker' },
    lineage: '0000000000000000'
  })
  return (id) => {
    draft.ms = 1_700_000_000_000
    draft.counter = id
    const out = Buffer.alloc(encoder.measure(draft) + 64)
    let at = writeVarint(out, 0, id)
    at = writeVarint(out, at, 0)
    out[at++] = flags
    return [Kind.request | COUNTED, out.subarray(0, encoder.write(out, at, draft))]
  }
}

/** A node whose agent answers, and a client that asks and never takes an answer. */
async function besieged(type: string, flags = 0) {
  const world = new World({ latency: [1, 1], fragmentation: 0 })
  const { time } = world
  const { address, ...place } = await world.place('victim')
  const node = await time.run(assemble(resolveConfig({ name: 'victim' }), place), 60_000)
  let answered = 0
  const agent = await time.run(
    node.agent('worker', {
      handle: {
        large: () => {
          answered++
          return new Uint8Array(100_000)
        },
        fail: () => {
          answered++
          throw new Error('x'.repeat(5_000))
        },
        echo: ({ data }) => data
      }
    }),
    60_000
  )
  const { host } = (await world.place('client')).network
  await host.start()
  host.learn(place.network.host.peer, [address])
  const channel = await time.run(host.open(place.network.host.peer, `${PROTOCOL}/normal`), 60_000)
  let ended = false
  channel.onBytes = () => {}
  channel.onClose = () => {
    ended = true
  }
  channel.write(framed(hello()))
  const ask = requests(type, flags)
  let taken = 0
  for (let round = 0; round < 20 && !ended; round++) {
    channel.write(framed(...Array.from({ length: 500 }, () => ask(taken++))))
    await time.advance(50)
  }
  const works = async (): Promise<void> => {
    assert.equal((await time.run(agent.request('worker', 7, { type: 'echo' }), 60_000)).data, 7)
  }
  return { works, answered: () => answered, ended: () => ended, node, time }
}

describe('a client that asks and takes no answers', () => {
  it('holds up itself: its requests wait, and what was answered is bounded', async () => {
    const { works, answered } = await besieged('large')
    assert.ok(answered() <= 256 + 100, `${answered()} replies of 100 kB made`)
    await works()
  })

  it('holds up itself with parts too', async () => {
    const { works, answered } = await besieged('large', RequestFlag.stream)
    assert.ok(answered() <= 256 + 100, `${answered()} parts of 100 kB made`)
    await works()
  })

  it('costs its stream at most where everything fails', async () => {
    const { works } = await besieged('fail')
    await works()
  })
})

describe('a peer that stops reading', () => {
  it('fails its callers in their own time, and brings down nobody', async () => {
    await withMesh({ nodes: 2, timeout: 600_000 }, async (mesh) => {
      const never = () => new Promise(() => {})
      await mesh.run(mesh.nodes[0]!.agent('worker', { handle: { wait: never } }))
      const agent = await mesh.run(mesh.nodes[1]!.agent('caller', { handle: { echo: ({ data }) => data } }))
      await mesh.run(agent.request('worker', 0, { type: 'none' })).catch(() => {})
      mesh.partition([0], [1])
      const data = new Uint8Array(30_000)
      const fates = Array.from({ length: 400 }, () =>
        fateOf(agent.request('worker', data, { type: 'wait', timeout: 1_000 }))
      )
      await mesh.advance(1_500)
      // A queue of ours that is full says nothing about the peer: it opens no circuit.
      assert.deepEqual(new Set(fates.map(({ code }) => code)), new Set(['ERR_TIMEOUT', 'ERR_QUEUE_FULL']))
      assert.equal((await mesh.run(agent.request('caller', 7, { type: 'echo' }))).data, 7)
    })
  })
})
