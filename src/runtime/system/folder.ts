import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Makes a folder, and those above it that are missing, for this user alone; returns those that it made, the outermost
 * first. Not `mkdir`'s own `recursive`, which never ends where a folder that exists takes no other and says that it is not
 * there, as /proc does.
 */
export async function makeFolder(path: string): Promise<string[]> {
  const folder = resolve(path)
  const made = await make(folder)
  if (made !== 'orphan') return made ? [folder] : []
  const above = await makeFolder(dirname(folder))
  await mkdir(folder, { mode: 0o700 })
  return [...above, folder]
}

/** False where it is there. */
async function make(folder: string): Promise<boolean | 'orphan'> {
  try {
    await mkdir(folder, { mode: 0o700 })
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && dirname(folder) !== folder) return 'orphan'
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return false
    throw error
  }
}
