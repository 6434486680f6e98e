import { createPublicKey } from 'node:crypto'
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { MeshError } from '../../protocols/errors.ts'
import { IDENTITY_FILE, type Identity, loadIdentity } from '../runtime/libp2p/identity.ts'

export type KeyFormat = 'pem' | 'protobuf'

export interface KeyFacts {
  peerId: string
  type: string
  /** libp2p's protobuf, in base64. */
  publicKey: string
  file: string
}

/** The identity of a data folder. Throws `ERR_IDENTITY` where there is none. */
export async function showIdentity(data: string): Promise<KeyFacts> {
  return facts(data, await existing(data))
}

/** Makes an identity where there is none. Throws `ERR_IDENTITY` where there is one. */
export async function makeIdentity(data: string): Promise<KeyFacts> {
  if (await present(data)) {
    const message = `${join(data, IDENTITY_FILE)} is there already: move it away to make another identity`
    throw new MeshError('ERR_IDENTITY', message, { details: { data } })
  }
  return facts(data, await loadIdentity(data))
}

/** PEM as OpenSSL reads it, or libp2p's protobuf in base64. */
export async function publicKeyOf(data: string, format: KeyFormat): Promise<string> {
  return exported(await existing(data), format)
}

function facts(data: string, identity: Identity): KeyFacts {
  const publicKey = exported(identity, 'protobuf')
  return { peerId: identity.peer, type: identity.privateKey.type, publicKey, file: join(data, IDENTITY_FILE) }
}

async function existing(data: string): Promise<Identity> {
  if (await present(data)) return loadIdentity(data)
  const message = `there is no identity in ${data}: make one with phoenix keys generate --data ${data}`
  throw new MeshError('ERR_IDENTITY', message, { details: { data } })
}

function present(data: string): Promise<boolean> {
  return lstat(join(data, IDENTITY_FILE)).then(
    () => true,
    () => false
  )
}

function exported({ privateKey }: Identity, format: KeyFormat): string {
  const { publicKey } = privateKey
  if (format === 'protobuf') return Buffer.from(publicKeyToProtobuf(publicKey)).toString('base64')
  const x = Buffer.from(publicKey.raw).toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  return key.export({ type: 'spki', format: 'pem' }).toString()
}
