import assert from 'node:assert/strict'
import { MeshError } from '../../protocols/errors.ts'
import type { Host } from '../../src/runtime/ports.ts'
import { type Ear, listen, text } from '../testing/hosts.ts'
import { type Ground, grounds } from './grounds.ts'

for (const [name, lay] of Object.entries(grounds)) {
  describe(`the network's ports on ${name}`, () => {
    let ground: Ground
    let a: Host
    let b: Host
    let accepted: Ear[]

    beforeEach(async () => {
      ground = await lay(2)
      ;[a, b] = ground.networks.map(({ host }) => host) as [Host, Host]
      accepted = []
      b.handle('/test', (channel) => accepted.push(listen(channel)))
    })
    afterEach(() => ground.stop())

    async function pair(): Promise<[near: Ear, far: Ear]> {
      const near = listen(await ground.run(a.open(b.peer, '/test')))
      near.channel.write(text('.'))
      await ground.until(() => accepted[0]?.text() === '.')
      accepted[0]!.chunks.length = 0
      return [near, accepted[0]!]
    }

    it('connects both sides on the first open, and tells each once', async () => {
      const seen: string[] = []
      a.onConnect = (peer) => seen.push(`a: ${peer === b.peer}`)
      b.onConnect = (peer) => seen.push(`b: ${peer === a.peer}`)
      await pair()
      await ground.until(() => seen.length >= 2)
      assert.deepEqual(seen.sort(), ['a: true', 'b: true'])
      assert.deepEqual([a.connected(), b.connected()], [[b.peer], [a.peer]])
    })

    it('dials an address and says who answered', async () => {
      assert.equal(await ground.run(a.dial(b.addresses()[0]!)), b.peer)
    })

    it('carries bytes both ways, in order and whole', async () => {
      const [near, far] = await pair()
      const sent = Array.from({ length: 200 }, (_, i) => new Uint8Array(1 + ((i * 37) % 5_000)).fill(i))
      for (const bytes of sent) near.channel.write(bytes.slice())
      far.channel.write(text('hello'))
      const total = Buffer.concat(sent)
      await ground.until(() => Buffer.concat(far.chunks).length === total.length && near.text() === 'hello')
      assert.deepEqual(Buffer.concat(far.chunks), total)
    })

    it('slows a writer whose reader is paused, and calls it back when the reader goes on', async () => {
      const [near, far] = await pair()
      far.channel.pause()
      let written = 0
      for (let i = 0; i < 200; i++) {
        written += 64 * 1_024
        if (!near.channel.write(new Uint8Array(64 * 1_024))) break
      }
      await ground.quiet()
      const before = Buffer.concat(far.chunks).length
      assert.ok(before < written, `${before} of ${written} bytes reached a paused owner`)
      far.channel.resume()
      await ground.until(() => near.drains > 0 && Buffer.concat(far.chunks).length === written)
      assert.equal(near.channel.write(text('again')), true)
    })

    it('flushes before it closes, and tells both sides once', async () => {
      const [near, far] = await pair()
      near.channel.write(text('last words'))
      await ground.run(near.channel.close())
      await ground.until(() => far.closes.length > 0 && near.closes.length > 0)
      near.channel.abort(new Error('too late'))
      await ground.quiet()
      assert.deepEqual([far.text(), far.closes, near.closes], ['last words', ['good order'], ['good order']])
      assert.equal(near.channel.write(text('too late')), true)
    })

    it('resets at once where it is aborted', async () => {
      const [near, far] = await pair()
      near.channel.abort(new MeshError('ERR_PROTOCOL', 'enough'))
      assert.deepEqual(near.closes, ['ERR_PROTOCOL'])
      await ground.until(() => far.closes.length > 0)
      assert.deepEqual(far.closes, ['ERR_LINK_CLOSED'])
    })

    it('ends channels when the peer hangs up', async () => {
      const [near, far] = await pair()
      const gone: string[] = []
      a.onDisconnect = (peer) => gone.push(peer)
      await ground.run(b.hangUp(a.peer))
      await ground.until(() => near.closes.length > 0 && far.closes.length > 0 && gone.length > 0)
      assert.deepEqual([gone, a.connected()], [[b.peer], []])
    })

    it('says precisely why a channel cannot be had', async () => {
      await assert.rejects(ground.run(a.open(b.peer, '/unknown')), { code: 'ERR_UNSUPPORTED' })
      const stranger = '12D3KooWRawPbxPtP1eZaJpumGnyWX2DcUyd3RQnydr3eAto4Az7'
      const aborted = AbortSignal.abort()
      await assert.rejects(ground.run(a.open(b.peer, '/test', { signal: aborted })), { code: 'ERR_ABORTED' })
      await assert.rejects(ground.run(a.dial(stranger)), { code: 'ERR_PEER_UNREACHABLE' })
      await ground.run(b.stop())
      await ground.quiet()
      await assert.rejects(ground.run(a.open(b.peer, '/test')), { code: 'ERR_PEER_UNREACHABLE' })
      await assert.rejects(ground.run(b.open(a.peer, '/test')), { code: 'ERR_STOPPED' })
      assert.deepEqual(b.addresses(), [])
    })

    it('verifies what the peer has signed, and nothing else', async () => {
      const signature = await a.sign(text('mine'))
      assert.equal(await b.verify(a.peer, text('mine'), signature), true)
      assert.equal(await b.verify(a.peer, text('yours'), signature), false)
      assert.equal(await b.verify('nobody', text('mine'), signature), false)
    })

    it('broadcasts to connected hosts that have joined, and not to the publisher', async () => {
      const [one, two] = ground.networks.map(({ broadcast }) => broadcast)
      const heard: string[] = []
      one!.onMessage = (channel) => heard.push(`a ${channel}`)
      two!.onMessage = (channel, bytes) => heard.push(`b ${channel} ${bytes.length}`)
      one!.join('news')
      two!.join('news')
      await ground.run(a.dial(b.peer))
      await ground.until(() => one!.subscribers('news').length > 0)
      assert.deepEqual(one!.subscribers('news'), [b.peer])
      await ground.run(one!.publish('news', new Uint8Array(32)))
      await ground.until(() => heard.length > 0)
      await ground.quiet()
      assert.deepEqual(heard, ['b news 32'])
    })

    it('finds in the hash table who provides a key, and what was put there, where it is valid', async () => {
      const [one, two] = ground.networks.map(({ routing }) => routing)
      for (const table of [one!, two!]) {
        table.validate('/phoenix-test/', async (_, value) => value[0] === 1)
        table.select('/phoenix-test/', () => 0)
      }
      await ground.run(a.dial(b.peer))
      await ground.eventually(() => one!.provide('/phoenix-test/key'))
      const found: string[] = []
      await ground.run(
        (async () => {
          for await (const peer of two!.findProviders('/phoenix-test/key')) found.push(peer)
        })()
      )
      assert.deepEqual(found, [a.peer])
      assert.equal(await ground.run(one!.put('/phoenix-test/key', Uint8Array.of(1, 2))), 1)
      assert.deepEqual(await ground.run(two!.get('/phoenix-test/key')), Uint8Array.of(1, 2))
    })
  })
}
