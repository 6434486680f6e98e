import { randomBytes } from 'node:crypto'
import { link, open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { MeshError } from '../../../protocols/errors.ts'
import { makeFolder } from '../system/folder.ts'

export interface Identity {
  readonly privateKey: Ed25519PrivateKey
  readonly peerId: PeerId
  /** The PeerId as text. */
  readonly peer: string
}

/** The name of the key's file inside `dataDir`. */
export const IDENTITY_FILE = 'identity.key'

/** A protobuf private key of Ed25519 has 68 bytes: whatever is far larger is another file. */
const MAX_FILE_BYTES = 4_096

/**
 * The identity kept in `dataDir`, made on the first call; without `dataDir` a fresh one that lives in memory only.
 * Throws `ERR_IDENTITY` naming the file where it is there but unusable: a node never takes a new identity silently,
 * because its peers, its outbox and its votes are bound to the old one.
 *
 * @example
 * const identity = await loadIdentity('./data')
 */
export async function loadIdentity(dataDir?: string): Promise<Identity> {
  if (dataDir === undefined) return identityOf(await generateKeyPair('Ed25519'))
  const file = join(dataDir, IDENTITY_FILE)
  const known = await readIdentity(file)
  if (known !== undefined) return known
  const fresh = await generateKeyPair('Ed25519')
  try {
    await makeFolder(dataDir)
    await createDurably(dataDir, file, privateKeyToProtobuf(fresh))
  } catch (cause) {
    throw unusable(
      file,
      `cannot be written (${reasonOf(cause)}); make the folder writable or choose another dataDir`,
      cause
    )
  }
  // Another process may have been first: what is on disk counts.
  return (await readIdentity(file)) ?? identityOf(fresh)
}

async function readIdentity(file: string): Promise<Identity | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusable(file, `cannot be read (${reasonOf(cause)}); give this user the right to read it`, cause)
  }
  const remedy = 'restore it from a backup, or move it away to start as a new node'
  if (bytes.length === 0) throw unusable(file, `is empty; ${remedy}`)
  if (bytes.length > MAX_FILE_BYTES) throw unusable(file, `is no key (${bytes.length} bytes); ${remedy}`)
  try {
    const key = privateKeyFromProtobuf(bytes)
    if (key.type === 'Ed25519') {
      await checkHalves(key)
      return identityOf(key)
    }
  } catch (cause) {
    throw unusable(file, `is corrupt; ${remedy}`, cause)
  }
  throw unusable(file, `holds a key that is not Ed25519; ${remedy}`)
}

/** The file holds the public half as well: with one that is not the other's a node would start, and nobody believe it. */
async function checkHalves(key: Ed25519PrivateKey): Promise<void> {
  const probe = Buffer.from(IDENTITY_FILE)
  if (!(await key.publicKey.verify(probe, await key.sign(probe)))) throw new Error('its halves are not of one key')
}

/** All or nothing, never over a file that is there: written aside, fsync'd, then linked under its name. */
async function createDurably(dir: string, file: string, bytes: Uint8Array): Promise<void> {
  const aside = `${file}.${randomBytes(6).toString('hex')}`
  const handle = await open(aside, 'wx', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    await link(aside, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(aside)
  }
  const folder = await open(dir, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function identityOf(privateKey: Ed25519PrivateKey): Identity {
  const peerId = peerIdFromPrivateKey(privateKey)
  return { privateKey, peerId, peer: peerId.toString() }
}

function unusable(file: string, what: string, cause?: unknown): MeshError {
  return new MeshError('ERR_IDENTITY', `The identity file ${file} ${what}`, {
    cause,
    details: { key: 'dataDir', file }
  })
}

function reasonOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? String(cause)
}
