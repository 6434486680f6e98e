import type { Random } from '../core/machine.ts'

/** What a disk deeds at once, or not at all. */
const SECTOR = 512

/** Bytes written somewhere, or the file cut to a size. */
type Deed = { readonly at: number; readonly bytes: Uint8Array } | { readonly size: number }

/** The bytes of a file twice: as programs see them, and as they would be after the machine has lost its power. */
export class Contents {
  #seen = new Bytes()
  readonly #kept = new Bytes()
  /** What the kept bytes lack of the seen ones. */
  #unsynced: Deed[] = []
  /** Deeds that a sync has dealt with. */
  #settled = 0

  get size(): number {
    return this.#seen.size
  }

  read(at: number, length: number): Uint8Array {
    return this.#seen.read(at, length)
  }

  write(bytes: Uint8Array, at: number): void {
    this.#do({ at, bytes: Uint8Array.from(bytes) })
  }

  truncate(size: number): void {
    this.#do({ size })
  }

  /** How many deeds there were: what is done while a sync takes its time is not part of it. */
  get deeds(): number {
    return this.#settled + this.#unsynced.length
  }

  sync(deeds: number): void {
    for (const deed of this.#settle(deeds)) this.#kept.do(deed)
  }

  /**
   * Some of it is on the disk, some is not and never will be, whatever is synced later: the kernel has marked the pages
   * clean. Whether programs still see what is lost differs between file systems.
   */
  failSync(deeds: number, random: Random): void {
    for (const deed of this.#settle(deeds)) if (random() < 0.5) this.#kept.do(deed)
    if (random() < 0.5) return
    this.#seen = this.#kept.copy()
    for (const deed of this.#unsynced) this.#seen.do(deed)
  }

  /** Each deed that was not synced is lost, or done, or torn. */
  crash(random: Random): void {
    for (const deed of this.#unsynced.splice(0)) {
      const fate = random()
      if (fate < 1 / 3) this.#kept.do(deed)
      else if (fate < 2 / 3 && 'bytes' in deed) this.#tear(deed.at, deed.bytes, random)
    }
    this.#seen = this.#kept.copy()
  }

  /** Turns bits over, under everybody's eyes and the disk's: rot. */
  damage(at: number, length: number): void {
    for (const bytes of [this.#seen, this.#kept])
      bytes.do({ at, bytes: bytes.read(at, length).map((byte) => byte ^ 0x5a) })
  }

  #do(deed: Deed): void {
    this.#seen.do(deed)
    this.#unsynced.push(deed)
  }

  #settle(deeds: number): Deed[] {
    const settled = this.#unsynced.splice(0, Math.max(0, deeds - this.#settled))
    this.#settled += settled.length
    return settled
  }

  /** Either its beginning got there, up to any byte, or any of its sectors. */
  #tear(at: number, bytes: Uint8Array, random: Random): void {
    if (random() < 0.5) {
      this.#kept.do({ at, bytes: bytes.subarray(0, Math.floor(random() * bytes.length)) })
      return
    }
    for (let from = 0; from < bytes.length; ) {
      const to = from + SECTOR - ((at + from) % SECTOR)
      if (random() < 0.5) this.#kept.do({ at: at + from, bytes: bytes.subarray(from, to) })
      from = to
    }
  }
}

class Bytes {
  #bytes = new Uint8Array(1_024)
  size = 0

  read(at: number, length: number): Uint8Array {
    return this.#bytes.slice(at, Math.min(this.size, at + length))
  }

  do(deed: Deed): void {
    if ('size' in deed) {
      this.#bytes.fill(0, deed.size, this.size)
      this.size = Math.min(this.size, deed.size)
      return
    }
    if (deed.bytes.length === 0) return
    const end = deed.at + deed.bytes.length
    this.#reserve(end)
    this.#bytes.set(deed.bytes, deed.at)
    this.size = Math.max(this.size, end)
  }

  copy(): Bytes {
    const copy = new Bytes()
    copy.do({ at: 0, bytes: this.#bytes.subarray(0, this.size) })
    return copy
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(size, 2 * this.#bytes.length))
    larger.set(this.#bytes.subarray(0, this.size))
    this.#bytes = larger
  }
}
