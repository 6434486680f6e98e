import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { MeshError } from '../../../protocols/errors.ts'
import { connectControl } from '../../../src/runtime/control/client.ts'
import { LineReader } from '../../../src/runtime/control/lines.ts'
import { controlPath } from '../../../src/runtime/control/path.ts'
import { serveControl } from '../../../src/runtime/control/server.ts'
import { MAX_LINE, type Operations } from '../../../src/runtime/control/types.ts'

const withCode = (code: string) => (error: unknown) => error instanceof MeshError && error.code === code

describe('control socket', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'phoenix-control-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  async function connected(operations: Operations) {
    const server = await serveControl(folder, operations)
    const client = (await connectControl(folder))!
    const close = async () => {
      await client.close()
      await server.close()
    }
    return { server, client, [Symbol.asyncDispose]: close }
  }

  it('answers calls, many at once, each its own', async () => {
    await using both = await connected({ double: async (n) => (n as number) * 2, nothing: () => undefined })
    const answers = await Promise.all([1, 2, 3].map((n) => both.client.call('double', n)))
    assert.deepEqual(answers, [2, 4, 6])
    assert.equal(await both.client.call('nothing', undefined), null)
  })

  it('streams items in order, more than fit any buffer', async () => {
    await using both = await connected({
      count: async function* (to) {
        for (let n = 0; n < (to as number); n++) yield { n, padding: 'x'.repeat(1_000) }
      }
    })
    let expected = 0
    for await (const item of both.client.stream('count', 5_000)) assert.equal((item as { n: number }).n, expected++)
    assert.equal(expected, 5_000)
  })

  it('stops producing while nobody reads', async () => {
    let produced = 0
    await using both = await connected({
      flood: async function* (_, signal) {
        while (!signal.aborted) {
          produced++
          yield 'x'.repeat(100_000)
          await new Promise(setImmediate)
        }
      }
    })
    const items = both.client.stream('flood', undefined)
    await items.next()
    let before: number
    do {
      before = produced
      for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate)
    } while (produced > before && produced < 2_000)
    assert(produced < 2_000, `${produced} items of 100 kB were produced for a reader that had stopped`)
    await items.return(undefined)
  })

  it('carries class, code, message and details of an error, and never a stack', async () => {
    await using both = await connected({
      fail: () => {
        throw new MeshError('ERR_CONFIG', 'no', { details: { key: 'limits' } })
      }
    })
    await assert.rejects(both.client.call('fail', null), {
      name: 'ConfigError',
      code: 'ERR_CONFIG',
      message: 'no',
      details: { key: 'limits' }
    })
    await assert.rejects(both.client.call('toString', null), withCode('ERR_UNSUPPORTED'))
  })

  it('says so where a result is no JSON', async () => {
    await using both = await connected({ big: () => 1n })
    await assert.rejects(both.client.call('big', null), withCode('ERR_HANDLER'))
  })

  it('aborts the operation when the caller leaves the loop, aborts, or is gone', async () => {
    const aborted: string[] = []
    let told = () => {}
    const operations: Operations = {
      wait: async function* (name, signal) {
        yield 'ready'
        await once(signal, 'abort')
        aborted.push(name as string)
        told()
      }
    }
    await using both = await connected(operations)
    const settled = () => new Promise<void>((resolve) => (told = resolve))
    let next = settled()
    for await (const _ of both.client.stream('wait', 'left')) break
    await next
    next = settled()
    const controller = new AbortController()
    const stream = both.client.stream('wait', 'aborted', controller.signal)
    await stream.next()
    controller.abort()
    await assert.rejects(stream.next(), withCode('ERR_ABORTED'))
    await next
    next = settled()
    const other = (await connectControl(folder))!
    await other.stream('wait', 'gone').next()
    await other.close()
    await next
    assert.deepEqual(aborted, ['left', 'aborted', 'gone'])
  })

  it('fails what is under way when the node goes', async () => {
    const both = await connected({ wait: (_, signal) => once(signal, 'abort') })
    const call = assert.rejects(both.client.call('wait', null), withCode('ERR_LINK_CLOSED'))
    await new Promise(setImmediate)
    await both.server.close()
    await call
    await assert.rejects(both.client.call('wait', null), withCode('ERR_LINK_CLOSED'))
    assert.equal(await connectControl(folder), undefined)
  })

  it('may be opened by its owner only', async () => {
    await using server = await serveControl(folder, {})
    assert.equal((await stat(server.path)).mode & 0o777, 0o600)
  })

  it('refuses a second node on one data folder, and leaves the first alone', async () => {
    await using both = await connected({ ping: () => 'pong' })
    await assert.rejects(serveControl(folder, {}), (error: MeshError) => {
      assert.equal(error.code, 'ERR_CONFIG')
      assert.match(error.message, /another node is running on this data folder/)
      return true
    })
    assert.equal(await both.client.call('ping', null), 'pong')
  })

  it('replaces the socket of a process that was killed', async () => {
    const script = join(folder, 'holder.mjs')
    await writeFile(
      script,
      `import net from 'node:net'; net.createServer().listen(process.argv[2], () => process.send('up'))`
    )
    const holder = fork(script, [controlPath(folder)])
    await once(holder, 'message')
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    assert((await stat(controlPath(folder))).isSocket())
    await using both = await connected({ ping: () => 'pong' })
    assert.equal(await both.client.call('ping', null), 'pong')
  })

  it('never takes away what is no socket', async () => {
    await writeFile(controlPath(folder), 'precious')
    await assert.rejects(serveControl(folder, {}), withCode('ERR_CONFIG'))
    assert.equal((await stat(controlPath(folder))).size, 8)
  })

  it('says what to do where the path is too long for a socket', async () => {
    const deep = join(folder, 'x'.repeat(120))
    assert.throws(() => controlPath(deep), /may have 103: choose a data folder with a shorter path/)
    await assert.rejects(serveControl(deep, {}), withCode('ERR_CONFIG'))
  })

  describe('against garbage', () => {
    async function exchange(socket: Socket, bytes: string | Uint8Array): Promise<string> {
      const answers: Buffer[] = []
      socket.on('data', (chunk: Buffer) => answers.push(chunk)).on('error', () => {})
      socket.write(bytes)
      await once(socket, 'close')
      return Buffer.concat(answers).toString('utf8')
    }

    for (const [what, bytes, code] of [
      ['no JSON', 'hello\n', 'ERR_MALFORMED'],
      ['no request', '[1]\n', 'ERR_PROTOCOL'],
      ['no id', '{"call":"ping"}\n', 'ERR_PROTOCOL']
    ] as const) {
      it(`answers ${what} with ${code}, ends that connection and serves the next`, async () => {
        await using both = await connected({ ping: () => 'pong' })
        const answer = await exchange(createConnection(both.server.path), bytes)
        assert.equal(JSON.parse(answer).error.code, code)
        assert.equal(await both.client.call('ping', null), 'pong')
      })
    }

    it('refuses a line without end, at bounded memory', async () => {
      const reader = new LineReader(1_000, () => {})
      reader.push(new Uint8Array(900))
      assert.throws(() => reader.push(new Uint8Array(200)), withCode('ERR_LIMIT'))
      await using both = await connected({ ping: () => 'pong' })
      // exchange returns once the connection is closed
      await exchange(createConnection(both.server.path), Buffer.alloc(MAX_LINE + 1, 'x'))
      assert.equal(await both.client.call('ping', null), 'pong')
    })

    it('a client survives a node that talks nonsense', async () => {
      const server = createServer((socket) => socket.resume().end('nonsense\n'))
      await new Promise<void>((resolve) => server.listen(controlPath(folder), resolve))
      const client = (await connectControl(folder))!
      await assert.rejects(client.call('ping', null), (error: MeshError) =>
        ['ERR_MALFORMED', 'ERR_LINK_CLOSED'].includes(error.code)
      )
      await new Promise((resolve) => server.close(resolve))
    })
  })

  it('reads the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.integer({ min: 1, max: 20 }), (values, cut) => {
        const seen: unknown[] = []
        const reader = new LineReader(1_000_000, (value) => seen.push(value))
        const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''))
        for (let at = 0; at < bytes.length; at += cut) reader.push(bytes.subarray(at, at + cut))
        assert.equal(JSON.stringify(seen), JSON.stringify(values))
      })
    )
  })
})
