import {
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type Decipheriv,
  type KeyObject
} from 'node:crypto'
import type { ICryptoInterface } from '@chainsafe/libp2p-noise'
import { asCrypto } from '@chainsafe/libp2p-noise/crypto'
import { Uint8ArrayList } from 'uint8arraylist'

/** Noise brings an older release of the list than we do; they know each other's by a shared symbol. */
type Bytes = Parameters<ICryptoInterface['chaCha20Poly1305Encrypt']>[0]

const ALGORITHM = 'chacha20-poly1305'
const TAG_BYTES = 16
const OPTIONS = { authTagLength: TAG_BYTES }
/** Bytes up to which joining the pieces costs less than a call of the cipher for each. A guess, a few pages. */
const JOINED = 16_384

/** The key object of each key in use; a key lives as long as its connection. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>()

/** Bytes from which Node's cipher costs less than WebAssembly: they break even near 600. */
const NATIVE = 512

/**
 * Noise's cipher: WebAssembly for what is small, Node's for the rest. Noise itself changes over at 1,200 bytes, since
 * Node's cipher made from raw key bytes costs 12 µs before the first byte; made from a key object it costs 3. For 150
 * bytes WebAssembly takes 1.7 µs and Node 3.2, for 1,200 it is 7.0 and 4.7, for 64 KiB 285 and 27 (measured).
 */
export const cipher: Pick<ICryptoInterface, 'chaCha20Poly1305Encrypt' | 'chaCha20Poly1305Decrypt'> = {
  chaCha20Poly1305Encrypt(plaintext, nonce, ad, k) {
    if (plaintext.byteLength < NATIVE) return asCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, k)
    const sealing = createCipheriv(ALGORITHM, keyObject(k), nonce, OPTIONS)
    if (ad.length > 0) sealing.setAAD(ad, { plaintextLength: plaintext.byteLength })
    const sealed = update(sealing, plaintext)
    sealing.final()
    sealed.append(sealing.getAuthTag())
    return sealed as unknown as Bytes
  },

  chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k) {
    if (ciphertext.byteLength < NATIVE) return asCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k)
    const end = ciphertext.byteLength - TAG_BYTES
    const decipher = createDecipheriv(ALGORITHM, keyObject(k), nonce, OPTIONS)
    if (ad.length > 0) decipher.setAAD(ad, { plaintextLength: end })
    decipher.setAuthTag(ciphertext.subarray(end))
    const sealed = ciphertext instanceof Uint8Array ? ciphertext.subarray(0, end) : ciphertext.sublist(0, end)
    const opened = update(decipher, sealed)
    decipher.final()
    return opened as unknown as Bytes
  }
}

/** A few pieces stay pieces: a cipher's next call costs less than joining. */
function update(cipher: Cipheriv | Decipheriv, bytes: Bytes): Uint8ArrayList {
  const updated = new Uint8ArrayList()
  if (bytes instanceof Uint8Array || bytes.byteLength <= JOINED) updated.append(cipher.update(bytes.subarray()))
  else for (const piece of bytes) updated.append(cipher.update(piece))
  return updated
}

function keyObject(key: Uint8Array): KeyObject {
  let made = keyObjects.get(key)
  if (made === undefined) {
    made = createSecretKey(key)
    keyObjects.set(key, made)
  }
  return made
}
