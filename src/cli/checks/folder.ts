import { access, constants, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { controlPath } from '../../runtime/control/path.ts'
import { IDENTITY_FILE, loadIdentity } from '../../runtime/libp2p/identity.ts'
import { type Check, failure, ok, reasonOf, warning } from './types.ts'

export const dataFolder: Check = async ({ dataDir }) => {
  if (dataDir === undefined) return [warning('data folder', 'none', 'give one with --data: else nothing survives')]
  try {
    controlPath(dataDir)
    const folder = await nearestExisting(resolve(dataDir))
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    const there = folder === resolve(dataDir)
    return [ok('data folder', there ? `${dataDir} is writable` : `${dataDir} can be made`)]
  } catch (error) {
    return [
      failure('data folder', reasonOf(error), `give this user the right to write ${dataDir}, or choose another --data`)
    ]
  }
}

async function nearestExisting(path: string): Promise<string> {
  try {
    const found = await stat(path)
    if (found.isDirectory()) return path
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === dirname(path)) throw error
    return nearestExisting(dirname(path))
  }
  throw new Error(`${path} is no folder`)
}

export const identity: Check = async ({ dataDir }) => {
  if (dataDir === undefined) return []
  const file = join(dataDir, IDENTITY_FILE)
  const found = await stat(file).catch(() => undefined)
  if (found === undefined) return [ok('identity', 'none yet: the first start makes one')]
  try {
    const { peer } = await loadIdentity(dataDir)
    const others = found.mode & 0o077
    if (others === 0) return [ok('identity', peer)]
    const mode = (found.mode & 0o777).toString(8)
    return [failure('identity', `${file} has mode ${mode}: others can take this node's identity`, `chmod 600 ${file}`)]
  } catch (error) {
    return [
      failure('identity', reasonOf(error), `restore ${file} from a backup, or move it away to start as a new node`)
    ]
  }
}
