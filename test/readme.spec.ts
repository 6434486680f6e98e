import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { createMessage, createNode, encode, type Node } from '../src/index.ts'
import { resolveConfig } from '../src/node/config.ts'
import { type Fence, fences, readRepositoryFile } from './kit/markdown.ts'
import { sourceProject } from './kit/project.ts'
import { Terminal, typed } from './kit/terminal.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '..')
const README = readRepositoryFile('README.md')
describe('the README', () => {
  describe('its programs', function () {
    this.timeout(120_000)
    const programs = fences(README).filter(({ language, section }) => language === 'ts' && section === 'The API')
    let project: Awaited<ReturnType<typeof sourceProject>>

    before(async () => {
      project = await sourceProject()
      for (const { line, text } of programs) await writeFile(join(project.path, `${line}.ts`), text)
    })
    after(() => project[Symbol.asyncDispose]())

    for (const { line, text } of programs) {
      it(`prints what it says: line ${line}`, async () => {
        const { stdout } = await run(process.execPath, [`${line}.ts`], { cwd: project.path, timeout: 60_000 })
        assert.deepEqual(stdout.trimEnd().split('\n'), promised(text))
      })
    }

    it('are such as a strict compiler takes', async () => {
      const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules', '@types'), '--skipLibCheck']
      const strict = ['--strict', '--allowImportingTsExtensions', '--module', 'nodenext', '--target', 'es2024']
      const lib = ['--lib', 'es2024,esnext.disposable,esnext.iterator', '--noEmit']
      const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
      const files = programs.map(({ line }) => `${line}.ts`)
      const args = [compiler, ...lib, ...strict, ...types, ...files]
      const { stdout } = await run(process.execPath, args, { cwd: project.path }).catch((error) => error)
      assert.equal(stdout, '')
    })
  })

  it('runs a mesh in two terminals', async function () {
    this.timeout(240_000)
    if (spawnSync('bash', ['-c', 'npm --version']).status !== 0) this.skip()
    const [module, first, second] = fences(README).filter(({ section }) => section === 'A mesh in two terminals')
    await using project = await sourceProject()
    await mkdir(join(project.path, '.data'))
    await writeFile(join(project.path, module!.text.match(/^\/\/ (\S+)/)![1]!), module!.text)
    const port = String(await freePort())
    const commands = ({ text }: Fence) => typed(text.replaceAll('/tcp/4001', `/tcp/${port}`))
    await using one = new Terminal(project.path, environment())
    await using two = new Terminal(project.path, environment())
    const [define, start] = commands(first!)
    await one.type(define!)
    one.start(start!)
    await one.prints('talk to it: …')
    for (const command of commands(second!)) await two.type(command)
    for (const line of start!.lines) await one.prints(line)
  })

  describe('what it says is not in this version', () => {
    const text = README.slice(README.indexOf('Not in this version'), README.indexOf('## Configuration'))
    // biome-ignore lint/suspicious/noExplicitAny: none of this is in the types
    let agent: any
    let node: Node

    before(async () => {
      node = await createNode()
      agent = await node.agent('worker', { receive: () => {}, handle: { run: () => 1 } })
    })
    after(() => node.stop())

    const asked: [said: string, code: string, () => unknown][] = [
      ["ordering: 'causal'", 'ERR_UNSUPPORTED', () => agent.request('worker', 1, { type: 'run', ordering: 'causal' })],
      ['total', 'ERR_UNSUPPORTED', () => agent.request('a', 1, { type: 't', ordering: 'total' })],
      ['sign', 'ERR_UNSUPPORTED', () => agent.send('worker', 1, { sign: true })],
      ['authenticate', 'ERR_UNSUPPORTED', () => agent.request('worker', 1, { type: 'run', authenticate: true })],
      ['encrypt', 'ERR_UNSUPPORTED', () => agent.send('worker', 1, { encrypt: true })],
      ['exactly-once', 'ERR_CONFIG', () => agent.subscribe('a.b', { delivery: 'exactly-once' })],
      ['Erlang terms', 'ERR_CONFIG', () => configured({ formats: ['erlang-term'] })],
      ['Protobuf', 'ERR_UNSUPPORTED', () => encode(createMessage(1), 'protobuf')],
      ['QUIC', 'ERR_CONFIG', () => configured({ transports: { quic: true } })],
      ['HTTP/2', 'ERR_CONFIG', () => configured({ transports: { http2: {} } })],
      ['datagrams', 'ERR_CONFIG', () => configured({ transports: { datagram: {} } })],
      ['Distributed Erlang', 'ERR_CONFIG', () => configured({ transports: { erlang: {} } })],
      ['other overlays', 'ERR_CONFIG', () => configured({ overlay: 'auto' })],
      ...['authority', 'privateNetwork', 'relay', 'nat', 'observability'].map(
        (key): [string, string, () => unknown] => [key, 'ERR_CONFIG', () => configured({ [key]: {} })]
      )
    ]
    for (const [said, code, ask] of asked) {
      it(`is refused with ${code}: ${said}`, async () => {
        assert(text.includes(said))
        await assert.rejects(async () => ask(), { code })
      })
    }

    it('is weakened where a type implies it, and explained', async () => {
      const type = 'phoenix.cluster.node.join'
      const { status } = await agent.send('worker', 1, { type })
      assert.equal(status, 'delivered')
      const { guarantee, ordering } = node.explain({ type, data: 1 }, 'worker')
      assert.deepEqual([guarantee.chosen, ordering.chosen], ['exactly-once', 'none'])
      assert.match(ordering.reason, /total order/)
    })
  })

  it('names scripts that there are', () => {
    const { scripts } = JSON.parse(readRepositoryFile('package.json'))
    const named = new Set(Array.from(README.matchAll(/npm run (?:--silent )?([\w-]+)/g), ([, name]) => name!))
    assert(named.size > 3)
    for (const name of named) assert(name in scripts, `npm run ${name}`)
  })
})

/** `// → first → second`: the lines that a program says it prints. */
function promised(program: string): string[] {
  return Array.from(program.matchAll(/\/\/ → (.*)$/gm)).flatMap(([, lines]) => lines!.split(' → '))
}

/** What a person's shell has: nothing of the npm that runs this test, and this very Node.js first. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|PHOENIX_)/i.test(name))
  return { ...Object.fromEntries(own), PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

function configured(options: Record<string, unknown>): unknown {
  return resolveConfig(options)
}
