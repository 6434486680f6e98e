import { join, resolve } from 'node:path'
import { MeshError } from '../../../protocols/errors.ts'

/** Bytes that every Unix takes for the path of a socket: macOS has 104 with the closing zero, Linux 108. */
const MAX_PATH = 103

/** Where the node of a data folder listens. Throws `ERR_CONFIG` where the path is too long for a socket. */
export function controlPath(dataDir: string): string {
  return checkSocketPath(join(resolve(dataDir), 'control.sock'), dataDir)
}

/** The path of a socket in a data folder. Throws `ERR_CONFIG` where it is too long for one. */
export function checkSocketPath(path: string, dataDir: string): string {
  const bytes = Buffer.byteLength(path)
  if (bytes <= MAX_PATH) return path
  const message = `the path of a socket in it has ${bytes} bytes and may have ${MAX_PATH}: choose a data folder with a shorter path than ${resolve(dataDir)}`
  throw new MeshError('ERR_CONFIG', message, { details: { key: 'dataDir' } })
}
