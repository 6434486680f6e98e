import { open } from 'node:fs/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { MeshError } from '../../../protocols/errors.ts'

/** Bytes: some ten thousand addresses. What is longer is not a list of bootstrap peers. */
const MAX_FILE = 2 ** 20

/**
 * The multiaddrs of a bootstrap file, one a line; empty lines and what follows `#` are skipped.
 * Throws `ERR_BOOTSTRAP` naming the file, and the line that is no multiaddr.
 */
export async function readBootstrapFile(file: string): Promise<string[]> {
  const addresses: string[] = []
  for (const [index, line] of (await readBounded(file)).split('\n').entries()) {
    const text = line.replace(/#.*$/, '').trim()
    if (text === '') continue
    try {
      multiaddr(text)
    } catch (cause) {
      const message = `line ${index + 1} of the bootstrap file ${file} is not a multiaddr: ${text.slice(0, 80)}`
      throw new MeshError('ERR_BOOTSTRAP', message, { cause, details: { file, line: index + 1 } })
    }
    addresses.push(text)
  }
  return addresses
}

async function readBounded(file: string): Promise<string> {
  try {
    await using handle = await open(file)
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(MAX_FILE + 1), 0, MAX_FILE + 1, 0)
    if (bytesRead > MAX_FILE) throw new Error(`it is longer than ${MAX_FILE} bytes`)
    return buffer.toString('utf8', 0, bytesRead)
  } catch (cause) {
    const message = `the bootstrap file ${file} cannot be read: ${(cause as Error).message}`
    throw new MeshError('ERR_BOOTSTRAP', message, { cause, details: { file } })
  }
}
