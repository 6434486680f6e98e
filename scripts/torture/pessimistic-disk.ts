import type { Disk, DiskFile } from '../../src/runtime/ports.ts'

export interface Pessimism {
  /** Share of syncs that fail with EIO; half of what they were to sync is gone then, as after an error of the kernel's write-back. */
  failure: number
}

/**
 * A disk whose process keeps in its own memory whatever was not synced, bytes and names: `kill -9`, which leaves the
 * kernel's page cache alone, takes it then, as a power cut would.
 */
export class PessimisticDisk implements Disk {
  readonly #disk: Disk
  readonly #pessimism: Pessimism
  /** Names as the process sees them, and the names on the disk underneath. Undefined before the first look. */
  #names: Map<string, string> | undefined
  /** Done on the disk underneath by the next sync of the folder. */
  #deeds: (() => Promise<void>)[] = []

  constructor(disk: Disk, pessimism: Pessimism) {
    this.#disk = disk
    this.#pessimism = pessimism
  }

  async list(): Promise<string[]> {
    return [...(await this.#known()).keys()]
  }

  async open(name: string): Promise<DiskFile> {
    const names = await this.#known()
    const below = names.get(name) ?? name
    names.set(name, below)
    return new PessimisticFile(await this.#disk.open(below), this.#pessimism)
  }

  async remove(name: string): Promise<void> {
    const names = await this.#known()
    if (!names.delete(name)) throw Object.assign(new Error(`no file ${name}`), { code: 'ENOENT' })
    this.#deeds.push(() => this.#disk.remove(name))
  }

  async rename(from: string, to: string): Promise<void> {
    const names = await this.#known()
    const below = names.get(from)
    if (below === undefined) throw Object.assign(new Error(`no file ${from}`), { code: 'ENOENT' })
    names.delete(from)
    names.set(to, below)
    this.#deeds.push(async () => {
      await this.#disk.rename(from, to)
      if (names.get(to) === below) names.set(to, to)
    })
  }

  async sync(): Promise<void> {
    fail(this.#pessimism)
    for (const deed of this.#deeds.splice(0)) await deed()
    await this.#disk.sync()
  }

  folder(name: string): Disk {
    return new PessimisticDisk(this.#disk.folder(name), this.#pessimism)
  }

  async #known(): Promise<Map<string, string>> {
    if (this.#names === undefined) {
      const names = await this.#disk.list()
      this.#names ??= new Map(names.map((name) => [name, name]))
    }
    return this.#names
  }
}

type Write = { bytes: Uint8Array; at: number } | { size: number }

class PessimisticFile implements DiskFile {
  readonly #file: DiskFile
  readonly #pessimism: Pessimism
  #writes: Write[] = []
  #syncing = Promise.resolve()
  size: number

  constructor(file: DiskFile, pessimism: Pessimism) {
    this.#file = file
    this.#pessimism = pessimism
    this.size = file.size
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    this.#writes.push({ bytes: Uint8Array.from(bytes), at })
    this.size = Math.max(this.size, at + bytes.length)
  }

  async truncate(size: number): Promise<void> {
    this.#writes.push({ size })
    this.size = size
  }

  async read(at: number, length: number): Promise<Uint8Array> {
    await this.#syncing.catch(() => {})
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - at)))
    bytes.set(await this.#file.read(at, bytes.length))
    for (const write of this.#writes) {
      if ('size' in write) bytes.fill(0, Math.max(0, write.size - at))
      else lay(write.bytes, write.at, bytes, at)
    }
    return bytes
  }

  sync(): Promise<void> {
    this.#syncing = this.#syncing.catch(() => {}).then(() => this.#flush())
    return this.#syncing
  }

  async close(): Promise<void> {
    await this.#syncing.catch(() => {})
    await this.#file.close()
  }

  async #flush(): Promise<void> {
    const writes = this.#writes
    this.#writes = []
    const failed = Math.random() < this.#pessimism.failure
    for (const write of writes) {
      if (failed && Math.random() < 0.5) continue
      if ('size' in write) await this.#file.truncate(write.size)
      else await this.#file.write(write.bytes, write.at)
    }
    if (failed) throw failure()
    await this.#file.sync()
  }
}

/** Copies as much of a write as falls into a window of the file. */
function lay(bytes: Uint8Array, at: number, window: Uint8Array, from: number): void {
  const begin = Math.max(at, from)
  const end = Math.min(at + bytes.length, from + window.length)
  if (begin < end) window.set(bytes.subarray(begin - at, end - at), begin - from)
}

function fail({ failure: share }: Pessimism): void {
  if (Math.random() < share) throw failure()
}

function failure(): Error {
  return Object.assign(new Error('EIO: the disk of this test'), { code: 'EIO' })
}
