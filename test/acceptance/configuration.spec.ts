import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNode, type Message, type Node, type NodeOptions } from '../../src/index.ts'
import { temporaryFolder } from '../kit/folder.ts'
import { meshOf } from '../kit/mesh.ts'
import { until } from '../kit/until.ts'

describe('the API, “Configuration”', function () {
  this.timeout(30_000)

  it('“a key that the build does not support yet, or does not know, is ERR_CONFIG naming it”', async () => {
    const refused: [options: object, key: string][] = [
      [{ transports: { tcp: true, quic: true } }, 'transports.quic'],
      [{ transports: { http2: { listen: '127.0.0.1:8443' } } }, 'transports.http2'],
      [{ transports: { datagram: { listen: '127.0.0.1:4002' } } }, 'transports.datagram'],
      [{ transports: { erlang: { name: 'phoenix@127.0.0.1', cookie: 'secret' } } }, 'transports.erlang'],
      [{ overlay: 'auto' }, 'overlay'],
      [{ controlPlane: { voters: ['me'] } }, 'controlPlane.voters[0]'],
      [{ authority: './authority.yaml' }, 'authority'],
      [{ privateNetwork: './swarm.key' }, 'privateNetwork'],
      [{ relay: { server: true } }, 'relay'],
      [{ nat: true }, 'nat'],
      [{ observability: { tracing: { sample: 0.01 } } }, 'observability'],
      [{ formats: ['messagepack', 'protobuf'] }, 'formats[1]'],
      [{ formats: ['erlang-term'] }, 'formats[0]'],
      [{ listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/udp/0/quic-v1'] }, 'listen[1]'],
      [{ limits: { messageBites: 1 } }, 'limits.messageBites'],
      [{ datadir: './data' }, 'datadir']
    ]
    for (const [options, key] of refused) {
      await assert.rejects(
        createNode(options as NodeOptions),
        (error: Error & { code?: string; details?: unknown }) => {
          assert.deepEqual([error.code, error.details], ['ERR_CONFIG', { key }])
          assert.ok(error.message.includes(key), error.message)
          return true
        }
      )
    }
  })

  it('“start: false returns a stopped node”, which starts when it is told to', async () => {
    await using node = await createNode({ start: false, name: 'sleeper' })
    assert.deepEqual(
      [node.state, node.name, node.multiaddrs, node.peers(), node.agents()],
      ['stopped', 'sleeper', [], [], []]
    )
    await assert.rejects(node.agent('early'), { code: 'ERR_STOPPED' })
    await node.start()
    assert.equal(node.state, 'started')
    assert.ok(node.multiaddrs.length > 0)
    await node.agent('timely')
  })

  it('bootstrap: what another node’s multiaddrs are, as objects, texts, one text or a file of them', async () => {
    await using folder = await temporaryFolder()
    await using first = await createNode({})
    const texts = first.multiaddrs.map(String)
    const file = join(folder.path, 'bootstrap.txt')
    await writeFile(file, `# the first\n${texts.join('\n')}\n`)
    for (const bootstrap of [first.multiaddrs, texts, texts[0]!, file]) {
      await using node = await createNode({ bootstrap })
      await node.ready({ timeout: 15_000 })
      assert.deepEqual(
        node.peers().map(({ peerId }) => peerId),
        [String(first.peerId)]
      )
    }
  })

  it('listen: an empty list is a node that only dials, and its agents are found all the same', async () => {
    await using first = await createNode({})
    await using dialler = await createNode({ listen: [], bootstrap: first.multiaddrs })
    await dialler.ready({ timeout: 15_000 })
    await dialler.agent('hidden', { handle: { echo: ({ data }: Message) => data } })
    const caller = await first.agent('caller')
    assert.equal((await caller.request('hidden', 1, { type: 'echo', timeout: 10_000 })).data, 1)
  })

  it('formats, debug and limits are what their nodes keep to', async () => {
    const limits = { requestTimeout: 50, messageBytes: 4_096, deliveryTimeout: 50, maxRetries: 0 }
    await using mesh = await meshOf({ formats: ['json'] }, { debug: false, limits }, {})
    const [json, strict, plain] = mesh.nodes
    const never = () => new Promise(() => undefined)
    await plain.agent('worker', { receive: never, handle: { never, echo: ({ data }: Message) => data } })
    const format = (node: Node) => node.explain({ data: { n: 1 } }, 'worker').format.chosen
    await until('everybody to know', () => [json, strict].every((node) => node.agents('worker').length === 1))
    assert.deepEqual([json, strict].map(format), ['json', 'messagepack'])
    const data = { bigint: 1n, undefined: undefined }
    const asker = await json.agent('asker')
    assert.deepEqual((await asker.request('worker', data, { type: 'echo' })).data, data)
    const limited = await strict.agent('limited')
    await assert.rejects(limited.request('worker', 1, { type: 'never' }), { code: 'ERR_TIMEOUT' })
    await assert.rejects(limited.send('worker', new Uint8Array(5_000)), { code: 'ERR_MESSAGE_TOO_LARGE' })
    await assert.rejects(limited.send('worker', 1, { delivery: 'at-least-once' }), { code: 'ERR_MAX_RETRIES' })
  })
})
