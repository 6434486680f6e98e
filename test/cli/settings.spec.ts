import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MeshError } from '../../protocols/errors.ts'
import { type Layer, leaves, resolveLayers } from '../../src/cli/settings/layers.ts'
import { readSettings } from '../../src/cli/settings/settings.ts'

describe('settings of the command', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'phoenix-settings-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  async function file(text: string, name = 'phoenix.yaml'): Promise<string> {
    const path = join(folder, name)
    await writeFile(path, text)
    return path
  }

  const refused = (key: string, source: string, message: RegExp) => (error: unknown) => {
    assert(error instanceof MeshError, String(error))
    assert.equal(error.code, 'ERR_CONFIG')
    assert.deepEqual([error.details?.key, error.details?.source], [key, source])
    assert.match(error.message, message)
    return true
  }

  it('lets flags beat variables, which beat the file, which beats the defaults', async () => {
    const config = await file(
      'name: file\nregion: file\nzone: file\nlimits:\n  messageBytes: 4096\n  mailbox:\n    messages: 7\n'
    )
    const env = { PHOENIX_REGION: 'env', PHOENIX_NAME: 'env', PHOENIX_LIMITS_MESSAGE_BYTES: '2048' }
    const settings = await readSettings({ name: 'flag', config }, env)
    assert.deepEqual([settings.config.name, settings.config.region, settings.config.zone], ['flag', 'env', 'file'])
    assert.equal(settings.config.limits.messageBytes, 2_048)
    const origin = (key: string) => settings.origins.get(key)
    assert.deepEqual(origin('name'), { value: 'flag', source: '--name' })
    assert.deepEqual(origin('region'), { value: 'env', source: 'PHOENIX_REGION' })
    assert.deepEqual(origin('zone'), { value: 'file', source: config })
    assert.deepEqual(origin('limits.mailbox.messages'), { value: 7, source: config })
    assert.deepEqual(origin('limits.mailbox.highWatermark'), { value: 3, source: 'default' })
    assert.deepEqual(origin('dataDir'), { value: './data', source: 'default' })
  })

  it('reads the voters of the control plane from a flag, a variable or the file', async () => {
    const [a, b] = [
      '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN',
      '12D3KooWBmwkafWE2fqfzS96VoTZgpGp6aJsF4N7L4EpyXLvrLwe'
    ]
    const config = await file(`controlPlane:\n  voters: [${a}]\n`)
    const origin = async (flags: object, env: NodeJS.ProcessEnv) =>
      (await readSettings({ config, ...flags }, env)).origins.get('controlPlane.voters')
    assert.deepEqual(await origin({}, {}), { value: [a], source: config })
    const env = { PHOENIX_CONTROL_PLANE_VOTERS: `${a}, ${b}` }
    assert.deepEqual(await origin({}, env), { value: [a, b], source: 'PHOENIX_CONTROL_PLANE_VOTERS' })
    assert.deepEqual(await origin({ voter: [b] }, env), { value: [b], source: '--voter' })
    await assert.rejects(
      readSettings({ config, voter: [b, 'me'] }, {}),
      refused('controlPlane.voters[1]', '--voter', /must be a PeerId.*"me" \(from --voter\)/)
    )
  })

  it('reads lists, flags and numbers from variables', async () => {
    const { config } = await readSettings(
      { config: await file('') },
      {
        PHOENIX_DATA: '/tmp/d',
        PHOENIX_LISTEN: '/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2',
        PHOENIX_FORMATS: 'json',
        PHOENIX_DEBUG: 'true',
        PHOENIX_BOOTSTRAP: './peers.txt',
        PHOENIX_LIMITS_MAILBOX_LOW_WATERMARK: '3',
        PHOENIX_NAME: '42'
      }
    )
    assert.equal(config.dataDir, '/tmp/d')
    assert.deepEqual(config.listen, ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'])
    assert.deepEqual(config.formats, ['json'])
    assert.equal(config.debug, true)
    assert.equal(config.bootstrapFile, './peers.txt')
    assert.equal(config.limits.mailbox.lowWatermark, 3)
    assert.equal(config.name, '42')
  })

  it('takes JSON for YAML, and the file that PHOENIX_CONFIG names', async () => {
    const path = await file('{ "name": "json", "agents": "./agents.ts" }', 'settings.json')
    const { config, agents } = await readSettings({}, { PHOENIX_CONFIG: path })
    assert.deepEqual([config.name, agents], ['json', './agents.ts'])
  })

  it('says which variable, flag or file is wrong', async () => {
    const config = await file('')
    const variable = readSettings({ config }, { PHOENIX_LIMITS_MEMBERS: 'many' })
    await assert.rejects(
      variable,
      refused('limits.members', 'PHOENIX_LIMITS_MEMBERS', /not "many" \(from PHOENIX_LIMITS_MEMBERS\)/)
    )
    const flag = readSettings({ config, listen: ['/ip4/127.0.0.1/tcp/1', 'x'] }, {})
    await assert.rejects(flag, refused('listen[1]', '--listen', /\(from --listen\)/))
    const wrong = await file('limits:\n  mesageBytes: 3\n', 'wrong.yaml')
    await assert.rejects(
      readSettings({ config: wrong }, {}),
      refused('limits.mesageBytes', wrong, /did you mean limits\.messageBytes\?/)
    )
    const later = await file('transports:\n  quic: true\n', 'later.yaml')
    await assert.rejects(
      readSettings({ config: later }, {}),
      refused('transports.quic', later, /not supported by this build/)
    )
    const agents = await file('agents: 7\n', 'agents.yaml')
    await assert.rejects(readSettings({ config: agents }, {}), refused('agents', agents, /path of a module/))
  })

  it('says of each wrong setting where it comes from', async () => {
    const config = await file('debug: maybe\n', 'maybe.yaml')
    const several = readSettings({ config, listen: ['x'] }, { PHOENIX_NAME: '' })
    await assert.rejects(several, (error: MeshError) => {
      const sources = error.message.split('\n').map((line) => line.replace(/^([a-z]+).* \(from (.*)\)$/, '$1 $2'))
      assert.deepEqual(sources.sort(), [`debug ${config}`, 'listen --listen', 'name PHOENIX_NAME'])
      return true
    })
  })

  it('shows a file of bootstrap addresses as it was given', async () => {
    const { origins } = await readSettings({ config: await file(''), bootstrap: ['./peers.txt'] }, {})
    assert.deepEqual(origins.get('bootstrap'), { value: './peers.txt', source: '--bootstrap' })
    assert.equal(origins.has('bootstrapFile'), false)
  })

  it('refuses a file that is missing, broken or no map', async () => {
    const missing = join(folder, 'missing.yaml')
    await assert.rejects(readSettings({ config: missing }, {}), refused('config', missing, /cannot be read \(ENOENT\)/))
    const broken = await file('a: [', 'broken.yaml')
    await assert.rejects(readSettings({ config: broken }, {}), refused('config', broken, /neither YAML nor JSON/))
    const list = await file('- a\n', 'list.yaml')
    await assert.rejects(readSettings({ config: list }, {}), refused('config', list, /must hold keys and values/))
  })

  it('tells of variables that name no setting', async () => {
    const { unknown } = await readSettings(
      { config: await file('') },
      { PHOENIX_LITSEN: 'x', PHOENIX_CONFIG: 'y', HOME: '/' }
    )
    assert.deepEqual(unknown, ['PHOENIX_LITSEN'])
  })

  it('takes __proto__ for a key like any other', () => {
    const layer: Layer = { settings: leaves(JSON.parse('{"__proto__":{"polluted":1}}')), source: () => 'file' }
    assert.throws(() => resolveLayers([layer]), /__proto__/)
    assert.equal(({} as { polluted?: number }).polluted, undefined)
  })
})
