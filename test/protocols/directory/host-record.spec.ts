import assert from 'node:assert/strict'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import fc from 'fast-check'
import { MAX_HOST_RECORD_LIFETIME } from '../../../protocols/directory/constants.ts'
import { newestHostRecord, readHostRecord } from '../../../protocols/directory/host-record.ts'
import { agentKey, hostKey } from '../../../protocols/directory/keys.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { OverlayRecord } from '../../../protocols/overlay/messages.ts'
import { signRecord } from '../../../protocols/overlay/record.ts'

const NOW = 1_800_000_000_000

describe('host records', () => {
  let record: OverlayRecord
  let sign: (bytes: Uint8Array) => Promise<Uint8Array>
  const verify = async (peer: string, bytes: Uint8Array, signature: Uint8Array) =>
    (await peerIdFromString(peer).publicKey?.verify(bytes, signature)) ?? false
  const blobOf = async (change: Partial<OverlayRecord> = {}) => (await signRecord({ ...record, ...change }, sign)).blob

  before(async () => {
    const key = await generateKeyPair('Ed25519')
    sign = async (bytes) => key.sign(bytes)
    const peer = peerIdFromPrivateKey(key).toString()
    record = {
      peer,
      name: 'n',
      region: undefined,
      zone: undefined,
      addresses: ['/ip4/1.2.3.4/tcp/1'],
      incarnation: 5,
      expires: NOW + 1_000
    }
  })

  it('are read under the key of the peer that signed them', async () => {
    assert.deepEqual(await readHostRecord(hostKey(record.peer), await blobOf(), NOW, verify), record)
  })

  it('are refused under another key, expired, immortal, or with one bit turned', async () => {
    const key = hostKey(record.peer)
    const untrusted = { code: 'ERR_UNTRUSTED' }
    await assert.rejects(readHostRecord(hostKey('12D3KooWother'), await blobOf(), NOW, verify), untrusted)
    await assert.rejects(readHostRecord(key, await blobOf(), NOW + 1_000, verify), untrusted)
    await assert.rejects(
      readHostRecord(key, await blobOf({ expires: NOW + MAX_HOST_RECORD_LIFETIME + 1 }), NOW, verify),
      untrusted
    )
    const blob = await blobOf()
    await fc.assert(
      fc.asyncProperty(fc.nat(blob.length - 1), fc.integer({ min: 1, max: 255 }), async (at, bits) => {
        const forged = blob.slice()
        forged[at]! ^= bits
        await assert.rejects(readHostRecord(key, forged, NOW, verify), (error: unknown) => error instanceof MeshError)
      })
    )
  })

  it('are malformed as arbitrary bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await assert.rejects(readHostRecord('/phoenix-host/x', bytes, NOW, verify), { code: 'ERR_MALFORMED' })
      })
    )
    await assert.rejects(readHostRecord('/phoenix-host/x', new Uint8Array(50_000), NOW, verify), {
      code: 'ERR_MALFORMED'
    })
  })

  it('give way to a later life, then to a later expiry; garbage never wins', async () => {
    const [old, longer, reborn] = [
      await blobOf(),
      await blobOf({ expires: NOW + 2_000 }),
      await blobOf({ incarnation: 6, expires: NOW + 1 })
    ]
    assert.equal(newestHostRecord([Uint8Array.of(0), old, longer]), 2)
    assert.equal(newestHostRecord([longer, reborn, old]), 1)
    assert.equal(newestHostRecord([old, Uint8Array.of(0)]), 0)
  })
})

describe('keys of the directory', () => {
  it('hold a name of 1 to 255 bytes', () => {
    assert.equal(agentKey('worker'), '/phoenix-agent/worker')
    for (const name of ['', 'é'.repeat(129)]) assert.throws(() => agentKey(name), { code: 'ERR_LIMIT' })
  })
})
