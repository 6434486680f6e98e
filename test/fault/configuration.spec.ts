import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createNode, type MeshError, type NodeOptions } from '../../src/index.ts'
import { temporaryFolder } from '../kit/folder.ts'
import { record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

async function refusal(options: NodeOptions): Promise<MeshError> {
  const node = await createNode(options).catch((error: MeshError) => error)
  assert.ok(node instanceof Error, 'the node started')
  return node
}

describe('a node that cannot be what it is told to be', function () {
  this.timeout(30_000)

  it('names the key that nobody knows, or that is not built', async () => {
    const slip = await refusal({ regoin: 'eu' } as NodeOptions)
    assert.deepEqual([slip.name, slip.code, slip.details?.key], ['ConfigError', 'ERR_CONFIG', 'regoin'])
    assert.match(slip.message, /did you mean region/)
    const future = await refusal({ overlay: 'auto' } as NodeOptions)
    assert.deepEqual([future.code, future.details?.key], ['ERR_CONFIG', 'overlay'])
    const nested = await refusal({ limits: { messageByte: 1 } } as NodeOptions)
    assert.deepEqual([nested.code, nested.details?.key], ['ERR_CONFIG', 'limits.messageByte'])
  })

  it('names the address it cannot listen on, and leaves nothing behind', async () => {
    await using taken = await createNode()
    const listen = taken.multiaddrs.map((address) => String(address).replace(/\/p2p\/.*/, '')).slice(0, 1)
    const error = await refusal({ listen })
    assert.deepEqual([error.name, error.code], ['ConfigError', 'ERR_LISTEN'])
    assert.ok(error.message.includes(listen[0]!), error.message)
    assert.match(error.message, /EADDRINUSE|in use/)
    assert.doesNotMatch(error.message, /\n\s+at /)
  })

  it('names the identity file that is no key, and does not touch it', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('not a key'), Buffer.alloc(10_000, 1), Buffer.alloc(68, 8)]) {
      await using folder = await temporaryFolder()
      const file = join(folder.path, 'identity.key')
      await writeFile(file, bytes)
      const error = await refusal({ dataDir: folder.path })
      assert.deepEqual([error.code, error.details?.file], ['ERR_IDENTITY', file])
      assert.ok(error.message.includes(file))
      assert.deepEqual(await readFile(file), bytes)
    }
  })

  it('starts without its bootstrap peer, says so, works alone, and joins once the peer is there', async () => {
    await using folder = await temporaryFolder()
    const first = await createNode({ dataDir: folder.path })
    const bootstrap = first.multiaddrs.map(String)
    const place = bootstrap[0]!.replace(/\/p2p\/.*/, '')
    await first.stop()

    await using node = await createNode({ bootstrap, start: false })
    const events = record(node.events())
    await node.start()
    const failed = await events.first(({ kind }) => kind === 'bootstrap-failed')
    assert.equal(failed.kind === 'bootstrap-failed' && failed.code, 'ERR_BOOTSTRAP')
    assert.equal(node.state, 'started')
    await assert.rejects(node.ready({ timeout: 50 }), { code: 'ERR_TIMEOUT' })
    await node.agent('worker', { handle: { double: ({ data }) => data * 2 } })
    const caller = await node.agent('caller')
    assert.equal((await caller.request('worker', 2, { type: 'double' })).data, 4)

    await using _second = await createNode({ dataDir: folder.path, listen: [place] })
    await node.ready({ timeout: 20_000 })
  })

  it('dials nobody by TCP without transports.tcp, and works alone', async () => {
    await using other = await createNode()
    await using node = await createNode({ bootstrap: other.multiaddrs, transports: { tcp: false }, start: false })
    const events = record(node.events())
    await node.start()
    await events.first(({ kind }) => kind === 'bootstrap-failed')
    assert.deepEqual([node.peers(), node.multiaddrs, other.peers()], [[], [], []])
    await node.agent('worker', { handle: { double: ({ data }) => data * 2 } })
    const caller = await node.agent('caller')
    assert.equal((await caller.request('worker', 2, { type: 'double' })).data, 4)
  })

  it('takes a bootstrap file that is not there yet, and reads it again', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'peers.txt')
    await using node = await createNode({ bootstrap: file, start: false })
    const events = record(node.events())
    await node.start()
    await events.first(({ kind }) => kind === 'bootstrap-failed')
    await using first = await createNode()
    await writeFile(file, `# the first\n${first.multiaddrs[0]}\n`)
    await node.ready({ timeout: 20_000 })
  })

  it('is not held up by a bootstrap address where somebody accepts and never speaks', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    await using other = await createNode()
    const bootstrap = [`/ip4/127.0.0.1/tcp/${port}`, ...other.multiaddrs.map(String)]
    try {
      await using node = await createNode({ bootstrap })
      await node.ready({ timeout: 20_000 })
      await until('the other', () => other.peers().length === 1)
    } finally {
      silent.close()
    }
  })
})
