import assert from 'node:assert/strict'
import type { Node } from '../../src/index.ts'
import { createMesh, type Mesh } from '../../src/testing/index.ts'

const who = { type: 'who' }
const NODES = 12
const members = 3

describe('a name beyond a partial view', () => {
  let mesh: Mesh
  let caller: Node
  /** Two nodes that the caller's view does not hold. */
  let strangers: [Node, Node]

  beforeEach(async () => {
    mesh = await createMesh({
      nodes: Array.from({ length: NODES }, () => ({ limits: { members } })),
      seed: 7,
      ready: false
    })
    await mesh.advance(20_000)
    caller = mesh.nodes[5]!
    const [first, second] = mesh.nodes.filter((node) => node !== caller && !inView(node))
    strangers = [first!, second!]
  })
  afterEach(() => mesh.stop())

  const inView = (node: Node): boolean => caller.peers().some(({ peerId }) => peerId === String(node.peerId))
  const host = (node: Node, name = 'worker') => mesh.run(node.agent(name, { handle: { who: () => node.name } }))
  const asker = () => mesh.run(caller.agent('asker'))

  it('is found by the directory, and nobody is nobody', async () => {
    assert.equal(caller.peers().length, members)
    await host(strangers[0])
    assert.deepEqual(caller.agents('worker'), [])
    const agent = await asker()
    assert.equal((await mesh.run(agent.request('worker', 0, who))).data, strangers[0].name)
    const receipt = await mesh.run(
      agent.send('worker', 0, { delivery: 'at-least-once', maxRetries: 0 }).catch((e) => e)
    )
    assert.equal(receipt.code, 'ERR_NO_HANDLER')
    await assert.rejects(mesh.run(agent.request('nobody', 0, who)), { code: 'ERR_NO_RESPONDERS', retryable: true })
  })

  it('that was withdrawn is nobody’s, and is found again when it is back', async () => {
    const agent = await asker()
    const worker = await host(strangers[0])
    assert.equal((await mesh.run(agent.request('worker', 0, who))).data, strangers[0].name)
    await mesh.run(worker.close())
    await assert.rejects(mesh.run(agent.request('worker', 0, who)), { code: 'ERR_NO_RESPONDERS' })
    await host(strangers[0])
    await mesh.advance(3_000)
    assert.equal((await mesh.run(agent.request('worker', 0, who))).data, strangers[0].name)
  })

  it('that moved is found where it is now, by the next request', async () => {
    const agent = await asker()
    const worker = await host(strangers[0])
    assert.equal((await mesh.run(agent.request('worker', 0, who))).data, strangers[0].name)
    await mesh.run(worker.close())
    await host(strangers[1])
    // What others hold of the former host stays for its lifetime, and is not believed twice.
    for (let i = 0; i < 5; i++) {
      assert.equal((await mesh.run(agent.request('worker', i, who))).data, strangers[1].name)
      await mesh.advance(1_000)
    }
  })

  it('is streamed from where it moved to', async () => {
    const stream = async (): Promise<unknown[]> => {
      const parts = []
      for await (const { data } of agent.stream('worker', 0, who)) parts.push(data)
      return parts
    }
    const agent = await asker()
    const worker = await host(strangers[0])
    assert.deepEqual(await mesh.run(stream()), [strangers[0].name])
    await mesh.run(worker.close())
    await host(strangers[1])
    await assert.rejects(mesh.run(stream()), { code: 'ERR_NO_RESPONDERS', retryable: true })
    assert.deepEqual(await mesh.run(stream()), [strangers[1].name])
  })

  it('is asked of another host where the one that was found has died', async () => {
    const agent = await asker()
    await host(strangers[0])
    assert.equal((await mesh.run(agent.request('worker', 0, who))).data, strangers[0].name)
    mesh.crash(mesh.nodes.indexOf(strangers[0]))
    await host(strangers[1])
    await mesh.advance(1_000)
    for (let i = 0; i < 5; i++) assert.equal((await mesh.run(agent.request('worker', i, who))).data, strangers[1].name)
  })

  it('is asked of the very host that was named', async () => {
    for (const node of strangers) await host(node)
    const agent = await asker()
    for (const node of [...strangers, ...strangers]) {
      assert.equal((await mesh.run(agent.request({ name: 'worker', peer: node.peerId }, 0, who))).data, node.name)
    }
    const wrong = agent.request({ name: 'worker', peer: caller.peerId }, 0, who)
    await assert.rejects(mesh.run(wrong), { code: 'ERR_NO_RESPONDERS' })
  })
})
