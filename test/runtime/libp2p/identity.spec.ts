import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { IDENTITY_FILE, loadIdentity } from '../../../src/runtime/libp2p/identity.ts'

describe('the identity', () => {
  let dir: string
  const file = () => join(dir, IDENTITY_FILE)
  const refused = (pattern: RegExp) => (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ERR_IDENTITY')
    assert.ok(error.message.includes(file()), 'the message names the file')
    assert.match(error.message, pattern)
    return true
  }

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'phoenix-identity-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  it('is fresh each time without a data folder', async () => {
    assert.notEqual((await loadIdentity()).peer, (await loadIdentity()).peer)
  })

  it('is made once, kept for the owner alone, and found again', async () => {
    const nested = join(dir, 'deep', 'data')
    const first = await loadIdentity(nested)
    assert.equal((await stat(join(nested, IDENTITY_FILE))).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(nested), [IDENTITY_FILE])
    assert.equal((await loadIdentity(nested)).peer, first.peer)
  })

  it('is one for processes that start at once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => loadIdentity(dir)))
    assert.equal(new Set(all.map(({ peer }) => peer)).size, 1)
    assert.deepEqual(await readdir(dir), [IDENTITY_FILE])
  })

  it('refuses an empty file', async () => {
    await writeFile(file(), '')
    await assert.rejects(loadIdentity(dir), refused(/is empty; restore it/))
    assert.equal((await stat(file())).size, 0, 'and leaves it as it is')
  })

  it('refuses a corrupt one, cut short or of nonsense', async () => {
    const key = privateKeyToProtobuf(await generateKeyPair('Ed25519'))
    for (const bytes of [key.subarray(0, 30), Buffer.from('nonsense'), Buffer.alloc(5_000, 1)]) {
      await writeFile(file(), bytes)
      await assert.rejects(loadIdentity(dir), refused(/corrupt|no key/))
    }
  })

  it('refuses one with a damaged byte, whichever half of the key it is in', async () => {
    const key = privateKeyToProtobuf(await generateKeyPair('Ed25519'))
    for (let at = key.length - 64; at < key.length; at++) {
      const damaged = Buffer.from(key)
      damaged[at]! ^= 1
      await writeFile(file(), damaged)
      await assert.rejects(loadIdentity(dir), refused(/corrupt|no key|not Ed25519/), `byte ${at}`)
    }
  })

  it('refuses another kind of key', async () => {
    await writeFile(file(), privateKeyToProtobuf(await generateKeyPair('secp256k1')))
    await assert.rejects(loadIdentity(dir), refused(/not Ed25519/))
  })

  it('refuses what cannot be read as a file', async () => {
    await mkdir(file())
    await assert.rejects(loadIdentity(dir), refused(/cannot be read \(EISDIR\)/))
  })

  it('refuses a data folder that is none', async () => {
    const blocked = join(dir, 'blocked')
    await writeFile(blocked, 'a file')
    await assert.rejects(loadIdentity(blocked), { code: 'ERR_IDENTITY' })
  })
})
