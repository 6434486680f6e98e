import type { Disk, DiskFile } from '../../src/runtime/ports.ts'
import { WithholdingFile } from './withholding-file.ts'

export interface DiskFaults {
  /** Share of fdatasyncs that fail, having lost half of what they were to sync. Default 0. */
  syncFailure?: number
}

type Renaming =
  | { readonly kind: 'made'; readonly name: string; readonly file: WithholdingFile }
  | { readonly kind: 'removed'; readonly name: string }
  | { readonly kind: 'renamed'; readonly from: string; readonly to: string }

/**
 * A real folder to which only what was synced ever gets, bytes and names alike. The kernel keeps what a process has
 * written when that process is killed; over this disk `kill -9` loses what a power cut would have lost.
 */
export class WithholdingDisk implements Disk {
  readonly #disk: Disk
  readonly #faults: DiskFaults
  /** Those that this process has opened, and whether each is one under which programs know a file still. */
  readonly #files = new Map<string, WithholdingFile>()
  /** Names on the disk, less what was changed here and not yet synced. */
  #names: Set<string> | undefined
  #unsynced: Renaming[] = []

  constructor(disk: Disk, faults: DiskFaults = {}) {
    this.#disk = disk
    this.#faults = faults
  }

  async list(): Promise<string[]> {
    return [...(await this.#known())]
  }

  async open(name: string): Promise<DiskFile> {
    const names = await this.#known()
    let file = this.#files.get(name)
    if (file === undefined) {
      file = new WithholdingFile(names.has(name) ? await this.#disk.open(name) : undefined)
      this.#files.set(name, file)
      if (!names.has(name)) this.#unsynced.push({ kind: 'made', name, file })
      names.add(name)
    }
    return this.#handle(file)
  }

  async remove(name: string): Promise<void> {
    const names = await this.#known()
    if (!names.delete(name)) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' })
    this.#files.delete(name)
    this.#unsynced.push({ kind: 'removed', name })
  }

  async rename(from: string, to: string): Promise<void> {
    const names = await this.#known()
    names.delete(from)
    names.add(to)
    const file = this.#files.get(from)
    this.#files.delete(from)
    if (file !== undefined) this.#files.set(to, file)
    this.#unsynced.push({ kind: 'renamed', from, to })
  }

  async sync(): Promise<void> {
    for (const change of this.#unsynced.splice(0)) {
      if (change.kind === 'made') await change.file.born(await this.#disk.open(change.name))
      else if (change.kind === 'removed') await this.#disk.remove(change.name)
      else await this.#disk.rename(change.from, change.to)
      // One by one, in their order: killed in between it leaves what a journal would.
      await this.#disk.sync()
    }
  }

  folder(name: string): Disk {
    return new WithholdingDisk(this.#disk.folder(name), this.#faults)
  }

  #handle(file: WithholdingFile): DiskFile {
    const { syncFailure = 0 } = this.#faults
    return {
      get size() {
        return file.size
      },
      write: async (bytes, at) => file.write(bytes, at),
      read: (at, length) => file.read(at, length),
      truncate: async (size) => file.truncate(size),
      sync: () => (Math.random() < syncFailure ? file.failSync(Math.random) : file.sync()),
      close: () => file.close()
    }
  }

  async #known(): Promise<Set<string>> {
    this.#names ??= new Set(await this.#disk.list())
    return this.#names
  }
}
