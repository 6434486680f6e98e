import { type NoiseComponents, type NoiseExtensions, noise } from '@chainsafe/libp2p-noise'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { cipher } from './cipher.ts'
import { NoiseReader } from './noise-reader.ts'

type Bytes = Uint8Array | Uint8ArrayList

/** How `@chainsafe/libp2p-noise` reads a secured connection: `decoder` cuts messages out of chunks, `decrypt` opens them. */
interface Decoding {
  decoder: { decode(chunk: Bytes): Iterable<Bytes>; buffer?: Uint8ArrayList }
  decrypt(message: Bytes): Bytes
  readonly handshake: { decrypt(message: Bytes): Bytes }
}

/** libp2p's Noise with a cipher and a reader that cost less. What travels is the same. */
export function swiftNoise(): (components: NoiseComponents) => ConnectionEncrypter<NoiseExtensions> {
  const create = noise({ crypto: { ...defaultCrypto, ...cipher } })
  return (components) => {
    const encrypter = create(components)
    const secureInbound = encrypter.secureInbound.bind(encrypter)
    const secureOutbound = encrypter.secureOutbound.bind(encrypter)
    encrypter.secureInbound = (connection, options) => secureInbound(connection, options).then(readSwiftly)
    encrypter.secureOutbound = (connection, options) => secureOutbound(connection, options).then(readSwiftly)
    return encrypter
  }
}

function readSwiftly(secured: SecuredConnection<NoiseExtensions>): SecuredConnection<NoiseExtensions> {
  swiftReader(secured.connection)
  return secured
}

/** Returns false for a connection of another make, which stays as it is. */
export function swiftReader(connection: MessageStream): boolean {
  if (!isDecoding(connection)) return false
  const reader = new NoiseReader()
  const { decoder, handshake } = connection
  // What came behind the handshake is in the old decoder, and is less than a message.
  if (decoder.buffer !== undefined && decoder.buffer.byteLength > 0) reader.decode(decoder.buffer)
  connection.decoder = reader
  connection.decrypt = (message) => handshake.decrypt(message)
  return true
}

function isDecoding(connection: object): connection is Decoding {
  const { decoder, decrypt, handshake } = connection as Partial<Decoding>
  const methods = [decoder?.decode, decrypt, handshake?.decrypt]
  return methods.every((method) => typeof method === 'function')
}
