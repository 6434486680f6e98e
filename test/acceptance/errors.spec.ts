import assert from 'node:assert/strict'
import { type Agent, type Context, createMessage, encode, MeshError, type Node } from '../../src/index.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { record } from '../kit/record.ts'

describe('the API, “Errors”', function () {
  this.timeout(30_000)
  let mesh: Mesh<[object, object]>
  let a: Node
  let sender: Agent

  before(async () => {
    mesh = await meshOf({}, {})
    a = mesh.nodes[0]
    sender = await a.agent('sender')
    const fail = () => {
      throw Object.assign(new RangeError('out of stock'), { code: 'E_STOCK', retryable: true })
    }
    const never = () => new Promise(() => undefined)
    await mesh.nodes[1].agent('far', { receive: fail, handle: { fail, never } })
  })
  after(() => mesh[Symbol.asyncDispose]())

  async function thrown(work: () => unknown): Promise<MeshError> {
    try {
      await work()
    } catch (error) {
      assert.ok(error instanceof MeshError, String(error))
      return error
    }
    throw new Error('nothing was thrown')
  }

  it('“every error is a MeshError: name is the class, code is stable, retryable says whether trying again can help”', async () => {
    const patiently = { delivery: 'at-least-once', maxRetries: 0 } as const
    const cases: [work: () => unknown, name: string, code: string, retryable: boolean][] = [
      [() => sender.send('nobody', 1), 'RoutingError', 'ERR_NO_RESPONDERS', true],
      [() => sender.request('nobody', 1), 'RoutingError', 'ERR_NO_RESPONDERS', true],
      [() => sender.request('far', 1, { type: 'unknown' }), 'RoutingError', 'ERR_NO_HANDLER', false],
      [() => sender.request('far', 1, { type: 'never', timeout: 20 }), 'TimeoutError', 'ERR_TIMEOUT', true],
      [() => sender.send('far', 1, { ttl: 0, delivery: 'at-least-once' }), 'TimeoutError', 'ERR_TTL', false],
      [() => sender.send('far', 1, patiently), 'DeliveryError', 'ERR_MAX_RETRIES', true],
      [() => sender.send('far', 1, { signal: AbortSignal.abort() }), 'CancelledError', 'ERR_ABORTED', false],
      [() => sender.send('far', new Uint8Array(2 ** 25)), 'LimitError', 'ERR_MESSAGE_TOO_LARGE', false],
      [() => sender.send('far', Symbol('s')), 'FormatError', 'ERR_UNREPRESENTABLE', false],
      [() => sender.publish('a..b', 1), 'FormatError', 'ERR_INVALID_TOPIC', false],
      [() => createMessage(1, { source: '' }), 'FormatError', 'ERR_INVALID_MESSAGE', false],
      [() => encode(createMessage(1), 'protobuf'), 'ConfigError', 'ERR_UNSUPPORTED', false],
      [() => a.ready({ peers: -1 }), 'ConfigError', 'ERR_CONFIG', false],
      [() => a.agent('x', { receive: { t: 5 as never } }), 'ConfigError', 'ERR_CONFIG', false],
      [() => sender.receive(() => 1).receive(() => 2), 'StateError', 'ERR_ALREADY_REGISTERED', false]
    ]
    for (const [work, name, code, retryable] of cases) {
      const error = await thrown(work)
      assert.deepEqual([error.name, error.code, error.retryable], [name, code, retryable])
      assert.deepEqual(JSON.parse(JSON.stringify(error)).code, code)
    }
  })

  for (const where of [0, 1] as const) {
    it(`whatever is thrown, it is the sender's error and nobody's end ${where === 0 ? 'on one node' : 'across a link'}`, async () => {
      const wicked: Record<string, () => unknown> = {
        nothing: () => {
          throw undefined
        },
        null: () => {
          throw null
        },
        'nothing later': async () => {
          throw undefined
        },
        'a text': () => {
          throw 'a text'
        },
        'a symbol': () => {
          throw Symbol('s')
        },
        'a trap': () => {
          throw new Proxy({}, { get: () => assert.fail('sprung') })
        },
        'a code that is none': () => {
          throw Object.assign(new Error('m'), { code: { a: 1 } })
        },
        'a thenable that throws': () => Object.defineProperty({}, 'then', { value: () => assert.fail('then') }),
        'a getter that throws': () => Object.defineProperty({}, 'then', { get: () => assert.fail('get') }),
        'a delay that is none': (...[, ctx]: [unknown, Context] | []) => ctx!.nak('soon' as never)
      }
      const host = mesh.nodes[where]
      for (const [what, handler] of Object.entries(wicked)) {
        const fine = { fine: ({ data }: { data: unknown }) => data }
        const agent = await host.agent(`${what} on ${where}`, {
          receive: handler,
          handle: { ...fine, wicked: handler }
        })
        const dropped = record(host.events()).first(({ kind }) => kind === 'dropped')
        await sender.send(agent.name, 1, { delivery: 'at-most-once' })
        assert.ok('code' in (await dropped), what)
        const error = await thrown(() => sender.send(agent.name, 1, { delivery: 'at-least-once', maxRetries: 0 }))
        assert.equal(error.code, 'ERR_MAX_RETRIES', what)
        assert.ok(error.cause instanceof MeshError, what)
        await thrown(() => sender.request(agent.name, 1, { type: 'wicked' }))
        assert.equal((await sender.request(agent.name, what, { type: 'fine' })).data, what)
      }
    })
  }

  it('“cause keeps what lay beneath”', async () => {
    const last = (await thrown(() => sender.send('far', 1, { delivery: 'at-least-once', maxRetries: 0 }))).cause
    assert.ok(last instanceof MeshError)
    assert.deepEqual([last.name, last.code, last.message], ['RangeError', 'E_STOCK', 'out of stock'])
    const reason = new Error('the user left')
    const controller = new AbortController()
    const asking = thrown(() => sender.request('far', 1, { type: 'never', signal: controller.signal }))
    controller.abort(reason)
    assert.equal((await asking).cause, reason)
  })

  it('“an error that a remote handler threw keeps its code and message, never its stack”', async () => {
    const error = await thrown(() => sender.request('far', 1, { type: 'fail' }))
    assert.deepEqual(JSON.parse(JSON.stringify(error)), {
      name: 'RangeError',
      code: 'E_STOCK',
      message: 'out of stock',
      retryable: true
    })
    assert.doesNotMatch(error.stack!, /errors\.spec\.ts/)
    assert.equal(error.cause, undefined)
  })
})
