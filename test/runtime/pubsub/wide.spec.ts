import assert from 'node:assert/strict'
import {
  BatchWriter,
  channelName,
  packetToSign,
  sealPacket,
  signatureInput
} from '../../../protocols/publish-subscribe/index.ts'
import { channelOf } from '../../../src/core/pubsub/topic.ts'
import { codec, collect, createTestMesh, message, type TestNode } from './mesh.ts'

const limits = { directFanout: 2, settle: 500 }
const topic = 'orders.eu'
const channel = channelOf(topic)

/** A signed packet with one message, as a publisher would send it. */
async function packet(
  by: TestNode,
  claim: { number: number; epoch?: number; publisher?: string; channel?: number },
  data: unknown
): Promise<Uint8Array> {
  const writer = new BatchWriter()
  writer.add(topic, codec.encode(message(topic, data)))
  const fields = { publisher: by.peer, epoch: 1, channel, ask: undefined, batch: writer.finish(), ...claim }
  const signed = packetToSign(fields, by.place.dice.bytes(16))
  return sealPacket(signed, await by.place.network.host.sign(signatureInput(signed)))
}

async function wideMesh(count: number, options = {}) {
  const mesh = await createTestMesh(count, { limits, ...options })
  const subscriptions = mesh.nodes.slice(1).map(({ pubsub }) => pubsub.subscribe('orders.>'))
  await mesh.world.time.run(Promise.all(subscriptions.map(({ ready }) => ready)), 10_000)
  const read = subscriptions.map(collect)
  await mesh.world.time.advance(3_000)
  return { mesh, read, subscriptions }
}

describe('wide channels', () => {
  it('carry a topic that many want, twenty nodes, nothing lost though gossip loses a tenth', async () => {
    const { mesh, read } = await wideMesh(20, { loss: 0.1, seed: 7 })
    const { pubsub } = mesh.nodes[0]!
    for (let i = 0; i < 300; i++) {
      void pubsub.publish(message(topic, i))
      if (i % 10 === 9) await mesh.world.time.advance(5)
    }
    await mesh.world.time.advance(20_000)
    for (const list of read)
      assert.deepEqual(
        list.map(({ data }) => data),
        Array.from({ length: 300 }, (_, i) => i)
      )
    const stats = pubsub.stats()
    assert.ok(stats.batches.gossip >= 30 && stats.batches.direct === 0, JSON.stringify(stats))
    assert.ok(stats.repaired > 0)
    await mesh.stop()
  })

  it('give evidence too', async () => {
    const { mesh } = await wideMesh(6)
    const evidence = await mesh.world.time.run(
      mesh.nodes[0]!.pubsub.publish(message(topic, 1), { waitFor: { subscribers: 5 } }),
      5_000
    )
    assert.equal(evidence.path, 'gossip')
    assert.equal(evidence.subscribers, 5)
    assert.equal(evidence.peers.length, 5)
    await mesh.stop()
  })

  it('reach a subscriber with a leading wildcard, and one that just came, over the link', async () => {
    const { mesh } = await wideMesh(6)
    const [first, second] = [mesh.nodes[1]!, mesh.nodes[0]!]
    const wild = first.pubsub.subscribe('*.eu')
    await mesh.world.time.run(wild.ready, 5_000)
    const read = collect(wild)
    await second.pubsub.publish(message(topic, 'x'))
    await mesh.world.time.advance(1_000)
    assert.deepEqual(
      read.map(({ data }) => data),
      ['x']
    )
    await mesh.stop()
  })

  it('refuse forged, replayed, stale, misplaced and malformed packets, and count each', async () => {
    const { mesh, read } = await wideMesh(6)
    const [publisher, victim, forger] = mesh.nodes as [TestNode, TestNode, TestNode]
    const { broadcast } = victim.place.network
    const hear = async (bytes: Uint8Array) => {
      broadcast.onMessage(channelName(channel), bytes)
      await mesh.world.time.advance(200)
    }
    const genuine = await packet(publisher, { number: 1, epoch: 5 }, 'genuine')
    await hear(genuine)
    await hear(genuine)
    await hear(await packet(forger, { number: 2, epoch: 5, publisher: publisher.peer }, 'forged'))
    const tampered = genuine.slice()
    tampered[genuine.length - 70]! ^= 1
    await hear(await packet(publisher, { number: 9, epoch: 4 }, 'former life'))
    await hear(await packet(publisher, { number: 3, epoch: 5, channel: (channel + 1) % 64 }, 'misplaced'))
    await hear(new Uint8Array(40).fill(255))
    await hear(await packet(forger, { number: 1, publisher: 'nobody' }, 'no such key'))
    assert.deepEqual(
      read[0]!.map(({ data }) => data),
      ['genuine']
    )
    const { refused, duplicates } = victim.pubsub.stats()
    assert.deepEqual(refused, { forged: 2, stale: 1, malformed: 2, unverified: 0, 'too-many-patterns': 0 })
    assert.equal(duplicates, 1)
    assert.ok(
      victim.events.some(
        (event) => event.kind === 'refused' && event.reason === 'forged' && event.peer === publisher.peer
      )
    )
    await hear(await packet(publisher, { number: 1, epoch: 6 }, 'next life'))
    assert.deepEqual(
      read[0]!.map(({ data }) => data),
      ['genuine', 'next life']
    )
    await mesh.stop()
  })

  it('take up a topic that grew, and give it back when it shrank', async () => {
    const { mesh, read, subscriptions } = await wideMesh(6)
    const { pubsub } = mesh.nodes[0]!
    const publish = async (from: number) => {
      for (let i = from; i < from + 20; i++) {
        void pubsub.publish(message(topic, i))
        await mesh.world.time.advance(20)
      }
    }
    await publish(0)
    assert.equal(pubsub.stats().batches.direct, 0)
    for (const subscription of subscriptions.slice(1)) await subscription.close()
    await publish(20)
    await mesh.world.time.advance(2_000)
    assert.ok(pubsub.stats().batches.direct > 0)
    assert.equal(pubsub.stats().fences, 1)
    assert.deepEqual(
      read[0]!.map(({ data }) => data),
      Array.from({ length: 40 }, (_, i) => i)
    )
    await mesh.stop()
  })

  it('send what is too large for gossip over links, in its place', async () => {
    const { mesh, read } = await wideMesh(6)
    const { pubsub } = mesh.nodes[0]!
    for (const size of [10, 400_000, 20]) void pubsub.publish(message(topic, 'x'.repeat(size)))
    await mesh.world.time.advance(3_000)
    for (const list of read)
      assert.deepEqual(
        list.map(({ data }) => (data as string).length),
        [10, 400_000, 20]
      )
    await mesh.stop()
  })
})
