import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
/** This very Node.js first, whatever else the machine has. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` }

const fiveLines = `
import { createNode } from 'phoenix-mesh'
await using node = await createNode({ dataDir: './data' })
await node.agent('greeter', { handle: { greet: async (message) => 'hello ' + message.data } })
const caller = await node.agent('caller')
console.log((await caller.request('greeter', 'world', { type: 'greet' })).data)
`

const agents = `
export const greeter = { handle: { greet: (message) => 'hello ' + message.data } }
`

const simulation = `
import { createMesh } from 'phoenix-mesh/testing'
await using mesh = await createMesh({ nodes: 2 })
console.log(mesh.nodes.map((node) => node.peers().length).join())
`

/** Prints every subpath that brings nothing. */
const subpaths = `
for (const name of process.argv.slice(2)) {
  const found = await import('phoenix-mesh/protocols/' + name)
  if (Object.keys(found).length === 0) console.log(name)
}
`

const typed = `
import { createNode, MeshError, type Node } from 'phoenix-mesh'
import { createMesh } from 'phoenix-mesh/testing'
const node: Node = await createNode({ start: false })
const code: string = new MeshError('ERR_TIMEOUT', 'late').code
const mesh = await createMesh({ nodes: [{ name: 'a', region: 'eu' }], seed: 42, latency: [1, 20], loss: 0.01 })
// @ts-expect-error a configuration key that does not exist
await createNode({ nonsense: 1 })
console.log(node.peerId.toString(), code, mesh.trace.digest())
`

describe('the packed package in an empty project', function () {
  this.timeout(300_000)
  let project: string

  async function inProject(file: string, ...args: string[]): Promise<string> {
    const { stdout } = await run(file, args, { cwd: project, env, timeout: 120_000 })
    return stdout.trim()
  }
  const node = (script: string) => inProject(process.execPath, script)

  before(async () => {
    project = await mkdtemp(join(tmpdir(), 'phoenix-mesh-package-'))
    await run('npm', ['pack', '--pack-destination', project], { cwd: root, env, timeout: 120_000 })
    const tarball = (await readdir(project)).find((name) => name.endsWith('.tgz'))
    const files = { 'package.json': '{ "private": true, "type": "module" }', 'five-lines.js': fiveLines }
    const more = { 'agents.js': agents, 'simulation.js': simulation, 'subpaths.js': subpaths, 'typed.ts': typed }
    for (const [name, text] of Object.entries({ ...files, ...more })) await writeFile(join(project, name), text)
    await inProject('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', `./${tarball}`)
  })

  after(() => rm(project, { recursive: true, force: true }))

  it('runs a program of five lines', async () => {
    assert.equal(await node('five-lines.js'), 'hello world')
  })

  it('brings the command: one starts a node, another asks its agent', async () => {
    const phoenix = join(project, 'node_modules', '.bin', 'phoenix')
    const started = ['start', '--data', './command', '--listen', '/ip4/127.0.0.1/tcp/0', '--agents', './agents.js']
    const host = spawn(phoenix, started, { cwd: project, env, stdio: ['ignore', 'pipe', 'ignore'] })
    const ended = once(host, 'exit')
    try {
      await Promise.race([once(host.stdout, 'data'), ended])
      const asked = ['request', 'greeter', '"world"', '--type', 'greet', '--data', './command']
      assert.equal(await inProject(phoenix, ...asked), 'hello world')
    } finally {
      host.kill()
    }
    assert.deepEqual(await ended, [0, null])
  })

  it('brings the test kit', async () => {
    assert.equal(await node('simulation.js'), '1,1')
  })

  it('brings each protocol under its name', async () => {
    const entries = await readdir(join(root, 'protocols'), { withFileTypes: true })
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    assert.ok(names.length >= 8, names.join())
    assert.equal(await inProject(process.execPath, 'subpaths.js', ...names), '')
  })

  it('brings types that a strict compiler takes', async () => {
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')]
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2024']
    const lib = ['--lib', 'es2024,esnext.disposable,dom']
    assert.equal(await inProject(process.execPath, compiler, '--noEmit', ...strict, ...lib, ...types, 'typed.ts'), '')
  })
})
