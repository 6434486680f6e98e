import type { Random } from '../core/machine.ts'

/** What a disk writes at once, or not at all. */
const SECTOR = 512

interface Write {
  readonly at: number
  readonly bytes: Uint8Array
}

/** The bytes of a file twice: as programs see them, and as they would be after the machine has lost its power. */
export class Contents {
  #seen = new Bytes()
  readonly #kept = new Bytes()
  /** What the kept bytes lack of the seen ones. */
  #unsynced: Write[] = []
  /** Writes that a sync has dealt with. */
  #settled = 0

  get size(): number {
    return this.#seen.size
  }

  read(at: number, length: number): Uint8Array {
    return this.#seen.read(at, length)
  }

  write(bytes: Uint8Array, at: number): void {
    const write = { at, bytes: Uint8Array.from(bytes) }
    this.#seen.do(write)
    this.#unsynced.push(write)
  }

  /** How many writes there were: what is written while a sync takes its time is not part of it. */
  get writes(): number {
    return this.#settled + this.#unsynced.length
  }

  sync(writes: number): void {
    for (const write of this.#settle(writes)) this.#kept.do(write)
  }

  /**
   * Some of it is on the disk, some is not and never will be, whatever is synced later: the kernel has marked the pages
   * clean. Whether programs still see what is lost differs between file systems.
   */
  failSync(writes: number, random: Random): void {
    for (const write of this.#settle(writes)) if (random() < 0.5) this.#kept.do(write)
    if (random() < 0.5) return
    this.#seen = this.#kept.copy()
    for (const write of this.#unsynced) this.#seen.do(write)
  }

  /** Each write that was not synced is lost, or done, or torn. */
  crash(random: Random): void {
    for (const write of this.#unsynced.splice(0)) {
      const fate = random()
      if (fate < 1 / 3) this.#kept.do(write)
      else if (fate < 2 / 3) this.#tear(write.at, write.bytes, random)
    }
    this.#seen = this.#kept.copy()
  }

  /** Turns bits over, under everybody's eyes and the disk's: rot. */
  damage(at: number, length: number): void {
    for (const bytes of [this.#seen, this.#kept])
      bytes.do({ at, bytes: bytes.read(at, length).map((byte) => byte ^ 0x5a) })
  }

  #settle(writes: number): Write[] {
    const settled = this.#unsynced.splice(0, Math.max(0, writes - this.#settled))
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

  do({ at, bytes }: Write): void {
    if (bytes.length === 0) return
    const end = at + bytes.length
    this.#reserve(end)
    this.#bytes.set(bytes, at)
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
