import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { createMesh, type Mesh } from '../../src/testing/index.ts'

describe('the API, “The test kit”', () => {
  it('“mesh.partition([0, 1], [2, 3, 4]); await mesh.advance(10_000); mesh.heal()”', async () => {
    await using mesh = await createMesh({ nodes: 5, seed: 42, latency: [1, 20], loss: 0.01 })
    const known = () => mesh.nodes.map((node) => node.peers().length)
    const registered = mesh.nodes[4]!.agent('worker', { handle: { echo: ({ data }) => data } })
    await mesh.advance(1_000)
    await registered
    const caller = await mesh.run(mesh.nodes[0]!.agent('caller'))
    const ask = () => mesh.run(caller.request('worker', 1, { type: 'echo' }))
    assert.equal((await ask()).data, 1)
    mesh.partition([0, 1], [2, 3, 4])
    await mesh.advance(10_000)
    assert.deepEqual(known(), [1, 1, 2, 2, 2])
    await assert.rejects(ask(), { code: 'ERR_NO_RESPONDERS' })
    mesh.heal()
    await mesh.advance(10_000)
    assert.deepEqual(known(), [4, 4, 4, 4, 4])
    assert.equal((await ask()).data, 1)
  })

  it('every call is awaited as on a real node: virtual time passes by itself until it settles', async () => {
    const mesh = await createMesh({ nodes: 5, seed: 42, latency: [1, 20], loss: 0.01 })
    const worker = await mesh.nodes[4]!.agent('worker', { handle: { echo: ({ data }) => data } })
    const caller = await mesh.nodes[0]!.agent('caller')
    assert.equal((await caller.request('worker', 1, { type: 'echo' })).data, 1)
    mesh.partition([0, 1], [2, 3, 4])
    const cut = mesh.now
    await assert.rejects(caller.request('worker', 2, { type: 'echo', timeout: 2_000 }), { code: 'ERR_TIMEOUT' })
    assert(mesh.now >= cut + 2_000 && mesh.now < cut + 2_050)
    mesh.heal()
    await mesh.nodes[0]!.ready({ peers: 4 })
    assert.equal((await caller.request('worker', 3, { type: 'echo' })).data, 3)
    await worker.close()
    await mesh.stop()
  })

  it('a call takes the time that the network takes: latency, and what is lost is sent again', async () => {
    await using near = await createMesh({ nodes: 2, latency: [10, 10], fragmentation: 0 })
    assert.equal(await roundTrip(near, 20), 20)
    await using far = await createMesh({ nodes: 2, latency: [300, 300], fragmentation: 0 })
    assert.equal(await roundTrip(far, 20), 600)
    await using poor = await createMesh({ nodes: 2, latency: [10, 10], loss: 0.2, fragmentation: 0 })
    assert((await roundTrip(poor, 20)) > 40)
  })

  it('an advance is exact, whatever is pending', async () => {
    await using mesh = await createMesh({ nodes: 2, seed: 7 })
    const handle = {
      slow: async () => {
        await mesh.sleep(1_000)
        return 'done'
      }
    }
    await mesh.nodes[1]!.agent('worker', { handle })
    const caller = await mesh.nodes[0]!.agent('caller')
    const before = mesh.now
    let answered = false
    const reply = caller.request('worker', null, { type: 'slow' }).finally(() => {
      answered = true
    })
    for (let i = 1; i <= 9; i++) {
      await mesh.advance(100)
      assert.equal(mesh.now, before + 100 * i)
    }
    assert.equal(answered, false)
    assert.equal((await reply).data, 'done')
    assert(mesh.now > before + 1_000 && mesh.now < before + 1_100)
  })

  it('the same seed gives the same trace, byte for byte, for calls that are awaited as they stand', async () => {
    const [first, again, other] = [await script(42), await script(42), await script(43)]
    const difference = first.findIndex((line, i) => line !== again[i])
    assert.equal(difference, -1, `line ${difference}: ${first[difference]} became ${again[difference]}`)
    assert.equal(again.length, first.length)
    assert.notDeepEqual(other, first)
  })

  it('a program ends that leaves a reader waiting in the background', async () => {
    const program = `
      import { createMesh } from ${JSON.stringify(import.meta.resolve('../../src/testing/index.ts'))}
      const mesh = await createMesh({ nodes: 3 })
      const reader = await mesh.nodes[0].agent('reader')
      const read = async (source) => { for await (const one of source); }
      void read(reader.subscribe('orders.>'))
      for (const node of mesh.nodes) void read(node.events())
      mesh.partition([0], [1, 2])
    `
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  })

  it('an option that is wrong is named: a share above 1 would lose for ever, a time that is none stop the clock', async () => {
    const wrong: [options: object, key: string][] = [
      [{}, 'nodes'],
      [{ nodes: 0 }, 'nodes'],
      [{ nodes: 1.5 }, 'nodes'],
      [{ nodes: 2, seed: 'x' }, 'seed'],
      [{ nodes: 2, latency: 5 }, 'latency'],
      [{ nodes: 2, latency: [20, 1] }, 'latency'],
      [{ nodes: 2, loss: 1 }, 'loss'],
      [{ nodes: 2, loss: -0.1 }, 'loss'],
      [{ nodes: 2, bandwidth: 0 }, 'bandwidth'],
      [{ nodes: 2, nonsense: 1 }, 'nonsense'],
      [{ nodes: [{ listen: [] }, { nonsense: 1 }] }, 'nonsense']
    ]
    for (const [options, key] of wrong) {
      await assert.rejects(
        createMesh(options as never),
        { code: 'ERR_CONFIG', details: { key } },
        JSON.stringify(options)
      )
    }
    await using mesh = await createMesh({ nodes: 1 })
    const { now } = mesh
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5' as never]) {
      await assert.rejects(mesh.advance(ms), { code: 'ERR_CONFIG' })
    }
    assert.equal(mesh.now, now)
    assert.throws(() => mesh.partition([0], [1]), { code: 'ERR_CONFIG', details: { key: 'nodes' } })
  })
})

/** Mean virtual ms of a request's way there and back. */
async function roundTrip(mesh: Mesh, requests: number): Promise<number> {
  await mesh.nodes[1]!.agent('worker', { handle: { echo: ({ data }) => data } })
  const caller = await mesh.nodes[0]!.agent('caller')
  await caller.request('worker', 'opens the link', { type: 'echo' })
  let total = 0
  for (let i = 0; i < requests; i++) {
    const before = mesh.now
    await caller.request('worker', i, { type: 'echo' })
    total += mesh.now - before
  }
  return Math.round(total / requests)
}

/** Readers in the background, every pattern, a partition: nothing but awaits. Returns the trace. */
async function script(seed: number): Promise<readonly string[]> {
  await using mesh = await createMesh({ nodes: 4, seed, latency: [1, 20], loss: 0.05 })
  const [a, b, c, d] = mesh.nodes
  const worker = await b!.agent('worker', { receive: () => undefined, handle: { echo: ({ data }) => data } })
  const caller = await a!.agent('caller')
  const subscription = (await c!.agent('listener')).subscribe('day.*')
  const heard: unknown[] = []
  void (async () => {
    for await (const { data } of subscription) {
      heard.push(data)
      await caller.send('worker', data)
    }
  })()
  void (async () => {
    for await (const { kind } of d!.events()) heard.push(kind)
  })()
  await subscription.ready
  for (let i = 0; i < 5; i++) {
    await caller.send('worker', { i })
    await caller.request('worker', { i }, { type: 'echo' })
    await worker.publish('day.news', { i }, { waitFor: { subscribers: 1 } })
  }
  const pipeline = await d!.pipeline('echoes', { stages: [{ name: 'echo', agent: 'worker' }] })
  for await (const result of pipeline.process([1, 2, 3])) heard.push(result)
  mesh.partition([0, 1], [2, 3])
  await caller.request('listener', 1, { timeout: 1_000 }).catch((error) => heard.push(error.code))
  await mesh.advance(10_000)
  mesh.heal()
  await a!.ready({ peers: 3 })
  await worker.publish('day.news', 'healed', { waitFor: { subscribers: 1 } })
  await mesh.sleep(100)
  assert(heard.includes('healed'))
  mesh.trace.lines.push(heard.map((one) => JSON.stringify(one)).join(' '))
  return mesh.trace.lines
}
