import assert from 'node:assert/strict'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { MeshError } from '../../protocols/errors.ts'
import { type NodeOptions, resolveConfig } from '../../src/node/config.ts'

function refusal(options: unknown): MeshError {
  try {
    resolveConfig(options as NodeOptions)
  } catch (error) {
    assert(error instanceof MeshError, `a raw error came out: ${error}`)
    return error
  }
  assert.fail(`accepted ${JSON.stringify(options)}`)
}

const PEER = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'

describe('configuration of a node', () => {
  it('fills in every default', () => {
    const config = resolveConfig()
    assert.deepEqual(config.listen, ['/ip4/127.0.0.1/tcp/0'])
    assert.deepEqual(config.formats, ['messagepack', 'json'])
    assert.equal(config.start, true)
    assert.equal(config.limits.messageBytes, 16 * 2 ** 20)
    assert.deepEqual(config.limits.mailbox, {
      messages: 2_000,
      highWatermark: 1_000,
      lowWatermark: 250,
      bytes: 2 ** 24
    })
  })

  it('keeps what is given and takes undefined for absent', () => {
    const config = resolveConfig({
      name: 'edge-7',
      region: undefined,
      listen: [],
      limits: { requestTimeout: 1, members: undefined }
    })
    assert.equal(config.name, 'edge-7')
    assert.deepEqual(config.listen, [])
    assert.equal(config.limits.requestTimeout, 1)
    assert.equal(config.limits.members, 512)
  })

  it('derives the watermarks from the size of the mailbox', () => {
    const { mailbox } = resolveConfig({ limits: { mailbox: { messages: 100 } } }).limits
    assert.deepEqual([mailbox.highWatermark, mailbox.lowWatermark], [50, 12])
    assert.equal(resolveConfig({ limits: { mailbox: { messages: 1 } } }).limits.mailbox.highWatermark, 1)
  })

  it('takes bootstrap as texts, objects, one address or a file', () => {
    const text = `/ip4/192.0.2.5/tcp/4001/p2p/${PEER}`
    assert.deepEqual(resolveConfig({ bootstrap: [text, multiaddr(text)] }).bootstrap, [text, text])
    assert.deepEqual(resolveConfig({ bootstrap: text }).bootstrap, [text])
    const file = resolveConfig({ bootstrap: '/etc/phoenix/peers' })
    assert.deepEqual([file.bootstrap, file.bootstrapFile], [[], '/etc/phoenix/peers'])
  })

  const wrong: [options: unknown, key: string, message: RegExp][] = [
    [{ name: '' }, 'name', /^name must be a text .*, not ""$/],
    [{ name: 'two\nlines' }, 'name', /on one line/],
    [{ dataDir: 5 }, 'dataDir', /^dataDir must be the path of a folder, not 5$/],
    [{ listen: '/ip4/127.0.0.1/tcp/0' }, 'listen', /^listen must be a list of multiaddrs/],
    [{ listen: ['/ip4/127.0.0.1/tcp/0', 'here'] }, 'listen[1]', /^listen\[1\] must be a multiaddr .*, not "here"$/],
    [{ listen: ['/ip4/0.0.0.0/udp/1/quic-v1'] }, 'listen[0]', /other transports are not supported by this build/],
    [
      { listen: ['/ip4/127.0.0.1/tcp/0'], transports: { tcp: false } },
      'listen',
      /must be empty without transports\.tcp/
    ],
    [{ bootstrap: ['foo'] }, 'bootstrap[0]', /must be a multiaddr/],
    [{ bootstrap: [{}] }, 'bootstrap[0]', /must be a multiaddr/],
    [{ bootstrap: '/ip4/192.0.2.5/tcp/99999' }, 'bootstrap', /must be a multiaddr/],
    [{ bootstrap: 7 }, 'bootstrap', /a list of multiaddrs or the path of a file/],
    [{ start: 'yes' }, 'start', /^start must be true or false, not "yes"$/],
    [{ transports: { tcp: 1 } }, 'transports.tcp', /must be true or false/],
    [{ formats: ['protobuf'] }, 'formats[0]', /protobuf and erlang-term are not supported by this build/],
    [{ formats: [] }, 'formats', /at least one/],
    [{ formats: ['json', 'json'] }, 'formats', /twice/],
    [
      { limits: { messageBytes: '16MB' } },
      'limits.messageBytes',
      /^limits\.messageBytes must be a whole number of bytes/
    ],
    [{ limits: { messageBytes: 0.5 } }, 'limits.messageBytes', /whole number/],
    [{ limits: { readTimeout: Number.POSITIVE_INFINITY } }, 'limits.readTimeout', /milliseconds/],
    [
      { limits: { mailbox: { highWatermark: 3_000 } } },
      'limits.mailbox.highWatermark',
      /above limits\.mailbox\.messages/
    ],
    [{ limits: { mailbox: { lowWatermark: 1_000 } } }, 'limits.mailbox.lowWatermark', /below the high watermark/],
    [{ limts: {} }, 'limts', /^limts is not a configuration key; did you mean limits\?$/],
    [{ limits: { mesageBytes: 1 } }, 'limits.mesageBytes', /did you mean limits\.messageBytes\?$/],
    [{ limits: { mailbox: { size: 1 } } }, 'limits.mailbox.size', /^limits\.mailbox\.size is not a configuration key$/],
    [null, '', /^the configuration must be an object$/]
  ]
  for (const [options, key, message] of wrong) {
    it(`refuses ${JSON.stringify(options)}`, () => {
      const error = refusal(options)
      assert.equal(error.code, 'ERR_CONFIG')
      assert.equal(error.details?.key, key)
      assert.match(error.message, message)
    })
  }

  const later = ['overlay', 'authority', 'privateNetwork', 'relay', 'nat', 'observability']
  for (const key of [...later, 'transports.quic', 'transports.http2', 'transports.datagram', 'transports.erlang']) {
    it(`says that ${key} is not built yet`, () => {
      const [outer = '', inner] = key.split('.')
      const error = refusal({ [outer]: inner === undefined ? true : { [inner]: true } })
      assert.equal(error.details?.key, key)
      assert.equal(error.message, `${key} is not supported by this build`)
    })
  }

  it('names every wrong key at once', () => {
    assert.equal(refusal({ name: 1, zone: 2, region: 3 }).message.split('\n').length, 3)
  })

  it('answers any value at all with a configuration or with ERR_CONFIG that names a key', () => {
    const keys = fc.constantFrom(
      'name',
      'dataDir',
      'listen',
      'bootstrap',
      'transports',
      'formats',
      'limits',
      'debug',
      'x'
    )
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.dictionary(keys, fc.anything())), (options) => {
        try {
          assert.equal(typeof resolveConfig(options as NodeOptions).limits.mailbox.bytes, 'number')
        } catch (error) {
          assert(error instanceof MeshError, `a raw error came out: ${error}`)
          assert.equal(error.code, 'ERR_CONFIG')
          assert.equal(typeof error.details?.key, 'string')
          assert.doesNotMatch(error.message, /Invalid|Expected/)
        }
      }),
      { numRuns: 2_000 }
    )
  })

  it('refuses a list', () => {
    assert.throws(() => resolveConfig([] as never), { code: 'ERR_CONFIG', message: /not a list/ })
  })
})
