import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { temporaryFolder } from './folder.ts'

const run = promisify(execFile)

export interface SmallDisk extends AsyncDisposable {
  readonly path: string
  /** Gives it another size, or makes it read-only: options of `mount`. */
  remount(options: string): Promise<void>
}

/** A file system of so many bytes; undefined where this process may not mount one. */
export async function smallDisk(bytes: number): Promise<SmallDisk | undefined> {
  const folder = await temporaryFolder()
  const { path } = folder
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'tmpfs', path])
  } catch {
    await folder[Symbol.asyncDispose]()
    return undefined
  }
  return {
    path,
    remount: async (options) => void (await run('mount', ['-o', `remount,${options}`, path])),
    async [Symbol.asyncDispose]() {
      await run('umount', ['-l', path])
      await folder[Symbol.asyncDispose]()
    }
  }
}
