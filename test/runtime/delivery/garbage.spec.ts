import assert from 'node:assert/strict'
import fc from 'fast-check'
import { pack } from '../../../protocols/envelope/messagepack.ts'
import { COUNTED } from '../../../protocols/framing/constants.ts'
import { encodeMessage } from '../../../protocols/overlay/codec.ts'
import { OVERLAY_PROTOCOL } from '../../../protocols/overlay/constants.ts'
import * as pointToPoint from '../../../protocols/point-to-point/constants.ts'
import { encodeSkip, encodeSync } from '../../../protocols/publish-subscribe/codec.ts'
import { FRAME, PUBLISH_SUBSCRIBE } from '../../../protocols/publish-subscribe/constants.ts'
import * as requestResponse from '../../../protocols/request-response/constants.ts'
import { assemble } from '../../../src/node/assemble.ts'
import { resolveConfig } from '../../../src/node/config.ts'
import type { Node } from '../../../src/node/node.ts'
import { World } from '../../../src/testing/world.ts'
import { framed, hello } from '../links/ground.ts'

/** A node with an agent, and a peer next to it that is no node. */
async function victim(seed = 1) {
  const world = new World({ seed, latency: [1, 1] })
  const { time } = world
  const { address, ...place } = await world.place('victim')
  const node: Node = await time.run(assemble(resolveConfig({ name: 'victim' }), place), 60_000)
  const refusals: string[] = []
  const events = node.events()
  void (async () => {
    for await (const event of events) {
      // That the attacker speaks no membership is counted too.
      if (event.kind !== 'refused' || !('protocol' in event) || event.code === 'ERR_UNSUPPORTED') continue
      refusals.push(event.code)
    }
  })()
  const attacker = await world.place('attacker')
  const { host } = attacker.network
  await host.start()
  host.learn(place.network.host.peer, [address])
  const attack = async (protocol: string, ...frames: [number, Uint8Array][]): Promise<string | undefined> => {
    const lane = protocol === OVERLAY_PROTOCOL ? 'control' : 'normal'
    const channel = await time.run(host.open(place.network.host.peer, `${protocol}/${lane}`), 60_000)
    let ended: string | undefined
    channel.onBytes = () => {}
    channel.onClose = (error) => {
      ended = error === undefined ? 'good order' : 'reset'
    }
    channel.write(framed(hello(), ...frames))
    await time.advance(100)
    const result = ended
    channel.abort(new Error('enough'))
    await time.advance(100)
    return result
  }
  const agent = await time.run(node.agent('echo', { receive: () => {}, handle: { echo: ({ data }) => data } }), 60_000)
  const works = async (): Promise<void> => {
    assert.equal((await time.run(agent.request('echo', 1, { type: 'echo' }), 60_000)).data, 1)
    assert.equal((await time.run(agent.send('echo', 1, { delivery: 'at-least-once' }), 60_000)).status, 'delivered')
  }
  return { time, node, attack, refusals, works }
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describe('garbage on the streams of delivery', () => {
  const P = pointToPoint.Kind
  const R = requestResponse.Kind
  const offences: Record<string, [protocol: string, kind: number, body: Uint8Array]> = {
    'a message without a header': [pointToPoint.PROTOCOL, P.message | COUNTED, bytes()],
    'a message in a slot that nobody filled': [pointToPoint.PROTOCOL, P.message | COUNTED, bytes(0, 9, 0, 0)],
    'a message past its credit': [pointToPoint.PROTOCOL, P.message, bytes(0, 9, 0, 0)],
    'a numbered message without a place': [pointToPoint.PROTOCOL, P.numbered | COUNTED, bytes(1, 1, 0, 0)],
    'a numbered message below its floor': [pointToPoint.PROTOCOL, P.numbered | COUNTED, bytes(1, 1, 3, 3, 0, 9, 0)],
    'a numbered message without a header': [pointToPoint.PROTOCOL, P.numbered | COUNTED, bytes(1, 1, 3, 1)],
    'a numbered message past its credit': [pointToPoint.PROTOCOL, P.numbered, bytes(1, 1, 3, 1, 0, 9, 0, 0)],
    'a repetition of what was never sent': [pointToPoint.PROTOCOL, P.again, bytes(0, 200)],
    'an acknowledgement of what was never sent': [pointToPoint.PROTOCOL, P.ack, bytes(0, 200)],
    'a refusal that is no array': [pointToPoint.PROTOCOL, P.nak, pack({ sequence: 1 })],
    'a refusal without texts': [pointToPoint.PROTOCOL, P.nak, pack([1, 2, 3, 4, 5, 6, 7])],
    'a hold without a number': [pointToPoint.PROTOCOL, P.hold, bytes(0x80)],
    'a pause of nobody': [pointToPoint.PROTOCOL, P.pause, bytes()],
    'a pause of no type': [pointToPoint.PROTOCOL, P.pause, Buffer.from('echo\0')],
    'a resumption of a mere name': [pointToPoint.PROTOCOL, P.resume, Buffer.from('echo')],
    'an unknown kind': [pointToPoint.PROTOCOL, 0x1f, bytes(1)],
    'a request without a header': [requestResponse.PROTOCOL, R.request | COUNTED, bytes(1, 0, 0)],
    'a request that costs nothing': [requestResponse.PROTOCOL, R.request, bytes(1, 0, 0)],
    'a failure of no call': [requestResponse.PROTOCOL, R.fail, pack(['x', 'a', 'b', 'c', false, false])],
    'a cancellation without a number': [requestResponse.PROTOCOL, R.cancel, bytes(0xff, 0xff)],
    'half a grant': [requestResponse.PROTOCOL, R.more, bytes(1)],
    'an unknown kind of call': [requestResponse.PROTOCOL, 0x1f, bytes(1)]
  }
  it('costs the peer its stream, is counted, and harms nothing else', async () => {
    const { attack, refusals, works } = await victim()
    for (const [name, [protocol, kind, body]] of Object.entries(offences)) {
      assert.equal(await attack(protocol, [kind, body]), 'reset', name)
      assert.equal(refusals.length, 1, name)
      assert.match(refusals.splice(0)[0]!, /^ERR_(PROTOCOL|MALFORMED)$/)
    }
    await works()
  })

  it('costs the peer its stream when what must cost credit does not, in every protocol', async () => {
    const { attack, refusals, works } = await victim()
    const { kind, body } = encodeMessage({ kind: 'digest', reply: false, complete: true, closed: true, items: [] })
    const free: [protocol: string, kind: number, body: Uint8Array][] = [
      [OVERLAY_PROTOCOL, kind, body],
      [PUBLISH_SUBSCRIBE, FRAME.messages, bytes()],
      [PUBLISH_SUBSCRIBE, FRAME.sync, encodeSync({ token: 1, channel: 0, number: 0 })],
      [PUBLISH_SUBSCRIBE, FRAME.skip, encodeSkip({ epoch: 1, channel: 0, from: 1, to: 1, lost: 0 })]
    ]
    for (const [protocol, kind, body] of free) {
      assert.equal(await attack(protocol, [kind | COUNTED, body]), undefined, `${protocol} ${kind}`)
      assert.equal(await attack(protocol, [kind, body]), 'reset', `${protocol} ${kind}, for nothing`)
      assert.deepEqual(refusals.splice(0), ['ERR_PROTOCOL'])
    }
    await works()
  })

  it('does no more than that, whatever it is', async () => {
    const kinds = fc.oneof(fc.integer({ min: 0x10, max: 0x18 }), fc.integer({ min: 0x90, max: 0x98 }))
    const frames = fc.array(fc.tuple(kinds, fc.uint8Array({ maxLength: 60 })), { minLength: 1, maxLength: 6 })
    const protocols = fc.constantFrom(pointToPoint.PROTOCOL, requestResponse.PROTOCOL)
    const { attack, works } = await victim()
    await fc.assert(
      fc.asyncProperty(protocols, frames, async (protocol, list) => {
        await attack(protocol, ...list)
      }),
      { numRuns: 300 }
    )
    await works()
  })
})
