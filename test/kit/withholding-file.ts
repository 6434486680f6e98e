import type { DiskFile } from '../../src/runtime/ports.ts'

/** Bytes written somewhere, or the file cut to a size. */
type Deed = { readonly bytes: Uint8Array; readonly at: number } | { readonly size: number }

/** A file whose writes stay in this process until they are synced. */
export class WithholdingFile {
  /** Where its bytes go; undefined until its name was synced. */
  #file: DiskFile | undefined
  /** In their order. */
  #withheld: Deed[] = []
  /** So many of them were synced, and wait for the file to have its name. */
  #synced = 0
  #size: number

  constructor(file?: DiskFile) {
    this.#file = file
    this.#size = file?.size ?? 0
  }

  get size(): number {
    return this.#size
  }

  write(bytes: Uint8Array, at: number): void {
    this.#withheld.push({ bytes: Uint8Array.from(bytes), at })
    this.#size = Math.max(this.#size, at + bytes.length)
  }

  truncate(size: number): void {
    this.#withheld.push({ size })
    this.#size = size
  }

  async read(at: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.#size - at)))
    bytes.set((await this.#file?.read(at, bytes.length)) ?? [])
    for (const write of this.#withheld) {
      if ('size' in write) {
        bytes.fill(0, Math.max(0, write.size - at))
        continue
      }
      const from = Math.max(at, write.at)
      const to = Math.min(at + bytes.length, write.at + write.bytes.length)
      if (from < to) bytes.set(write.bytes.subarray(from - write.at, to - write.at), from - at)
    }
    return bytes
  }

  async sync(): Promise<void> {
    this.#synced = this.#withheld.length
    await this.#flush()
  }

  /** A sync that fails: of each write half the time nothing is left, and none waits for another sync. */
  async failSync(random: () => number): Promise<void> {
    this.#withheld = this.#withheld.filter(() => random() < 0.5)
    await this.sync()
    throw Object.assign(new Error('EIO: the sync was made to fail'), { code: 'EIO' })
  }

  /** Its name is on the disk now. */
  async born(file: DiskFile): Promise<void> {
    this.#file = file
    await this.#flush()
  }

  async close(): Promise<void> {
    await this.#file?.close()
  }

  async #flush(): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    const synced = this.#withheld.slice(0, this.#synced)
    for (const deed of synced) {
      if ('size' in deed) await file.truncate(deed.size)
      else await file.write(deed.bytes, deed.at)
    }
    await file.sync()
    this.#withheld.splice(0, synced.length)
    this.#synced -= synced.length
  }
}
