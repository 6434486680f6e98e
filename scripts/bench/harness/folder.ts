import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** What Linux calls file systems that are memory: syncing them costs nothing and proves nothing. */
const MEMORY = new Map([
  [0x0102_1994, 'tmpfs'],
  [0x8584_58f6, 'ramfs']
])

/** Where files are written: `BENCH_FOLDER`, or the first of the temporary folder and this one's `.data` that is on a disk. */
function place(): string {
  const { BENCH_FOLDER } = process.env
  if (BENCH_FOLDER !== undefined) return BENCH_FOLDER
  const own = resolve('.data')
  if (memory(tmpdir()) === undefined) return tmpdir()
  mkdirSync(own, { recursive: true })
  return own
}

function memory(path: string): string | undefined {
  return MEMORY.get(statfsSync(path).type)
}

/** For people: where the files were, and whether that is a disk at all. */
export function folderText(): string {
  const path = place()
  const kind = memory(path)
  const text = `${path}, file system 0x${statfsSync(path).type.toString(16)}`
  return kind === undefined ? text : `${text}: ${kind} IS NO DISK, set BENCH_FOLDER`
}

/** A folder of one measurement, which goes with this process at the latest. */
export function folder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(place(), 'phoenix-bench-'))
  const remove = (): void => {
    process.off('exit', remove)
    rmSync(path, { recursive: true, force: true })
  }
  process.once('exit', remove)
  return { path, remove }
}
