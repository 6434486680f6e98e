import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../../src/runtime/system/folder.ts'
import { temporaryFolder } from '../../kit/folder.ts'

describe('a folder', () => {
  it('is made with those above it, for this user alone; what is there already stays', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'a', 'b')
    assert.deepEqual(await makeFolder(path), [join(folder.path, 'a'), path])
    assert.equal((await stat(path)).mode & 0o777, 0o700)
    assert.deepEqual(await makeFolder(path), [])
  })

  it('that cannot be is refused, also where the one above it says that it is not there', async () => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'file'), '')
    await assert.rejects(makeFolder(join(folder.path, 'file', 'a')), { code: 'ENOTDIR' })
    await assert.rejects(makeFolder(join(folder.path, 'file')), { code: 'EEXIST' })
    await assert.rejects(makeFolder('/proc/a/b'), { code: 'ENOENT' })
  })
})
