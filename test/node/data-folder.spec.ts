import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDoor } from '../../src/cli/serve.ts'
import { createNode, type KeyValueGroup } from '../../src/index.ts'
import { createNodeOn } from '../../src/node/create.ts'
import type { Disk } from '../../src/runtime/ports.ts'
import { temporaryFolder } from '../kit/folder.ts'
import { hostProcess } from '../kit/host-process.ts'
import { record } from '../kit/record.ts'

const script = new URL('../integration/scripts.ts', import.meta.url)
const taken = { code: 'ERR_CONFIG', details: { key: 'dataDir' } }

function refusesWith(expected: { code: string; details: object }) {
  return (error: { code: string; details: Record<string, unknown> }) => {
    assert.equal(error.code, expected.code)
    assert.deepEqual({ ...error.details, ...expected.details }, error.details)
    return true
  }
}

describe('the data folder of a node', function () {
  this.timeout(30_000)

  it('belongs to one process at a time, and is taken over from one that was killed', async () => {
    await using folder = await temporaryFolder()
    await using host = await hostProcess(script, { dataDir: folder.path }, {})
    await assert.rejects(createNode({ dataDir: folder.path }), refusesWith(taken))
    await host.kill()
    await using node = await createNode({ dataDir: folder.path })
    assert.equal(String(node.peerId), host.peerId)
  })

  it('belongs to one node at a time, and is free again once that has stopped or could not start', async () => {
    await using folder = await temporaryFolder()
    const first = await createNode({ dataDir: folder.path })
    await assert.rejects(createNode({ dataDir: folder.path }), refusesWith(taken))
    await first.stop()
    const listen = ['/ip4/203.0.113.1/tcp/4001']
    await assert.rejects(createNode({ dataDir: folder.path, listen }), { code: 'ERR_LISTEN' })
    await using second = await createNode({ dataDir: folder.path })
    assert.equal(String(second.peerId), String(first.peerId))
  })

  it('is the command’s and its node’s together', async () => {
    await using folder = await temporaryFolder()
    await using _door = await openDoor(folder.path)
    await using _node = await createNode({ dataDir: folder.path })
  })

  it('may have a long path as long as it is near: a socket may not', async () => {
    await using folder = await temporaryFolder()
    const deep = join(folder.path, 'x'.repeat(100))
    const there = process.cwd()
    await assert.rejects(createNode({ dataDir: join(deep, 'data') }), refusesWith(taken))
    process.chdir(deep)
    try {
      await using _node = await createNode({ dataDir: join(deep, 'data') })
    } finally {
      process.chdir(there)
    }
  })

  it('is named where it cannot be written, and nothing of it is touched', async () => {
    await using folder = await temporaryFolder()
    await (await createNode({ dataDir: folder.path })).stop()
    const before = await readdir(join(folder.path, 'store'))
    for (const reason of ['EROFS', 'EACCES', 'ENOSPC']) {
      const refusing = createNodeOn({ dataDir: folder.path }, (disk) => refusingDisk(disk, reason))
      await assert.rejects(refusing, refusesWith({ code: 'ERR_STORAGE', details: { key: 'dataDir', reason } }))
    }
    assert.deepEqual(await readdir(join(folder.path, 'store')), before)
  })

  it('is named where its store is a file', async () => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'store'), 'not a folder')
    await assert.rejects(createNode({ dataDir: folder.path }), { code: 'ERR_STORAGE' })
    assert.equal(await readFile(join(folder.path, 'store'), 'utf8'), 'not a folder')
  })

  it('keeps beside its store what tells that the store was lost, or is an older copy, to a member of a group', async () => {
    await using folder = await temporaryFolder()
    const store = join(folder.path, 'store')
    const life = async (deed: (group: KeyValueGroup) => Promise<unknown> = async () => {}): Promise<void> => {
      await using node = await createNode({ dataDir: folder.path })
      await deed(await node.consensus('config', { voters: [node.peerId] }))
    }
    await life((group) => group.propose('x', 1))
    await cp(store, `${store}.copy`, { recursive: true })
    await life(async (group) => assert.equal(await group.read('x'), 1))
    await rm(store, { recursive: true })
    const forgotten = refusesWith({ code: 'ERR_CORRUPT', details: { key: 'dataDir', group: 'config' } })
    await assert.rejects(life(), forgotten)
    await rm(store, { recursive: true })
    await cp(`${store}.copy`, store, { recursive: true })
    await assert.rejects(life(), forgotten)
  })

  it('tells of damage when the node starts, and starts', async () => {
    await using folder = await temporaryFolder()
    await mkdir(join(folder.path, 'store'))
    await writeFile(join(folder.path, 'store', '000000000001.log'), Buffer.alloc(100, 7))
    await using node = await createNode({ dataDir: folder.path, start: false })
    const events = record(node.events())
    await node.start()
    const damage = await events.first(({ kind }) => kind === 'storage-damaged')
    assert.ok(damage.kind === 'storage-damaged')
    assert.deepEqual([damage.file, damage.offset], ['000000000001.log', 0])
  })
})

/** As the operating system refuses: no file can be made in it. */
function refusingDisk(disk: Disk, code: string): Disk {
  return {
    list: () => disk.list(),
    open: (name) => (/\.new$/.test(name) ? refuse(code) : disk.open(name)),
    remove: () => refuse(code),
    rename: () => refuse(code),
    sync: () => disk.sync(),
    folder: (name) => refusingDisk(disk.folder(name), code)
  }
}

function refuse(code: string): Promise<never> {
  return Promise.reject(Object.assign(new Error(code), { code }))
}
