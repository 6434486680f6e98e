import { readFile } from 'node:fs/promises'
import { MeshError } from '../../../protocols/errors.ts'

/** Bootstrap addresses, asked for at each attempt. */
export type BootstrapSource = () => Promise<readonly string[]>

const MAX_FILE_BYTES = 1 << 20

/**
 * A file of multiaddrs, one a line; empty lines and those that begin with `#` are skipped. The file is read at each
 * attempt, so it may be written after the node started. Rejects with `ERR_BOOTSTRAP` where it cannot be read.
 *
 * @example
 * createMembership({ …, options: { bootstrap: bootstrapFile('./peers.txt') } })
 */
export function bootstrapFile(path: string): BootstrapSource {
  return async () => {
    const text = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw new MeshError('ERR_BOOTSTRAP', `bootstrap file ${path} cannot be read`, { cause, details: { path } })
    })
    if (text.length > MAX_FILE_BYTES) throw new MeshError('ERR_BOOTSTRAP', `bootstrap file ${path} is too large`)
    return parseAddresses(text)
  }
}

export function parseAddresses(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}
