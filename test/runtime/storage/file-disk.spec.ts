import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Disk } from '../../../src/runtime/ports.ts'
import { FileDisk } from '../../../src/runtime/storage/file-disk.ts'
import { openStore } from '../../../src/runtime/storage/store.ts'
import { systemClock } from '../../../src/runtime/system/clock.ts'
import { seededDice } from '../../../src/testing/dice.ts'
import { SimulatedDisk } from '../../../src/testing/disk.ts'
import { temporaryFolder } from '../../kit/folder.ts'
import { WithholdingDisk } from '../../kit/withholding-disk.ts'

const simulated = new SimulatedDisk(seededDice('disk').random, { syncLatency: [0, 0] }).attach(systemClock)

/** All must do the same as long as nobody is killed. */
const disks: [string, (path: string) => Disk][] = [
  ['a folder of the operating system', (path) => new FileDisk(path)],
  ['a folder that gets only what was synced', (path) => new WithholdingDisk(new FileDisk(path))],
  ['simulated', (path) => simulated.folder(path)]
]

describe('the disk that is', () => {
  for (const [name, diskOf] of disks) {
    it(`${name}: makes, reads, writes, renames and removes files`, async () => {
      await using folder = await temporaryFolder()
      const disk = diskOf(join(folder.path, 'a', 'b'))
      assert.deepEqual(await disk.list(), [])
      const file = await disk.open('one')
      await file.write(Buffer.from('hello'), 0)
      await file.write(Buffer.from('y there'), 4)
      assert.equal(file.size, 11)
      assert.equal(Buffer.from(await file.read(4, 100)).toString(), 'y there')
      assert.equal((await file.read(11, 5)).length, 0)
      await file.write(Buffer.from('!!!'), 11)
      await file.truncate(12)
      await file.truncate(11)
      assert.deepEqual([file.size, (await file.read(0, 100)).length], [11, 11])
      await file.sync()
      await disk.sync()
      await file.write(Buffer.from('J'), 0)
      await file.sync()
      await file.close()
      await disk.open('two').then((two) => two.close())
      await disk.rename('one', 'two')
      assert.deepEqual(await disk.list(), ['two'])
      await disk.sync()
      const again = await diskOf(join(folder.path, 'a', 'b')).open('two')
      assert.equal(Buffer.from(await again.read(0, 100)).toString(), 'Jelly there')
      await again.close()
      await disk.remove('two')
      await assert.rejects(disk.remove('two'), { code: 'ENOENT' })
      await disk.sync()
      assert.deepEqual(await diskOf(join(folder.path, 'a', 'b')).list(), [])
    })

    it(`${name}: keeps a store through restarts, compaction included`, async () => {
      await using folder = await temporaryFolder()
      const expected = new Map<string, string>()
      for (let life = 0; life < 4; life++) {
        const store = await openStore(diskOf(folder.path), { segmentBytes: 4_096 })
        const contents = new Map<string, string>()
        for await (const [key, value] of store.entries('')) contents.set(key, Buffer.from(value).toString())
        assert.deepEqual(contents, new Map([...expected].sort()))
        for (let i = 0; i < 100; i++) {
          const key = `${i % 17}`
          const value = i % 5 === 0 ? undefined : `${life}/${i}${'.'.repeat(100)}`
          await store.write([{ key, value: value === undefined ? undefined : Buffer.from(value) }])
          if (value === undefined) expected.delete(key)
          else expected.set(key, value)
        }
        await store.close()
      }
      const files = await diskOf(folder.path).list()
      assert.ok(files.length < 8, `never compacted: ${files.join(' ')}`)
    })
  }

  it('loses what was not synced, and nothing else, when its process is killed', async () => {
    await using folder = await temporaryFolder()
    const writer = fork(new URL('./writer.ts', import.meta.url), [folder.path], { serialization: 'advanced' })
    let acknowledged = -1
    writer.on('message', (count) => {
      acknowledged = Number(count)
      if (acknowledged === 200) writer.kill('SIGKILL')
    })
    await once(writer, 'exit')
    const store = await openStore(new FileDisk(folder.path))
    let there = 0
    for await (const [key] of store.entries('')) assert.equal(key, String(++there).padStart(6, '0'))
    await store.close()
    assert.ok(acknowledged >= 200 && there >= acknowledged, `${there} of ${acknowledged} acknowledged`)
  })
})
