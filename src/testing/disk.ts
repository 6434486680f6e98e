import type { Random } from '../core/machine.ts'
import type { Clock, Disk, DiskFile } from '../runtime/ports.ts'
import { Contents } from './disk-file.ts'

export interface DiskConditions {
  /** ms that a sync takes, drawn uniformly from [min, max]. Default [0.2, 2]: a guess at one solid-state disk. */
  syncLatency: readonly [min: number, max: number]
  /** ms that a read takes. Default 0: it is in memory still. */
  readLatency: number
  /** Share of syncs that fail (EIO). What they were to sync is then on the disk, or never will be. Default 0. */
  syncFailure: number
  /** Share of writes that fail (EIO), with a part of them done, and of changes of names. Default 0. */
  writeFailure: number
  /** Bytes that fit on it; beyond them writes fail (ENOSPC). Default: unlimited. */
  capacity: number
  /** Whether nothing can be changed on it (EROFS). Default false. */
  readOnly: boolean
}

const DEFAULT_DISK: DiskConditions = {
  syncLatency: [0.2, 2],
  readLatency: 0,
  syncFailure: 0,
  writeFailure: 0,
  capacity: Number.POSITIVE_INFINITY,
  readOnly: false
}

/** A change of the names: which file, if any, has one from now on. */
type Renaming = readonly (readonly [path: string, contents: Contents | undefined])[]

/**
 * A node's disk in a simulation, which outlives it. A crash takes the whole machine's memory: of all that was not synced
 * the dice decide what is there afterwards, bytes and names alike, in part or not at all.
 */
export class SimulatedDisk {
  /** May be changed at any time. */
  readonly conditions: DiskConditions
  /** Hears of every write. */
  onWrite: (path: string, bytes: Uint8Array) => void = () => {}
  readonly #random: Random
  readonly #seen = new Map<string, Contents>()
  readonly #kept = new Map<string, Contents>()
  #unsynced: Renaming[] = []
  #life = 0

  constructor(random: Random, conditions: Partial<DiskConditions> = {}) {
    this.#random = random
    this.conditions = { ...DEFAULT_DISK, ...conditions }
  }

  /** The disk as one life of a node sees it: what that life has under way when it crashes never settles. */
  attach(clock: Clock): Disk {
    return new Attached(this, clock, ++this.#life, '')
  }

  crash(): void {
    this.#life++
    for (const change of this.#unsynced.splice(0)) if (this.#random() < 0.5) rename(this.#kept, change)
    this.#seen.clear()
    for (const [path, contents] of this.#kept) this.#seen.set(path, contents)
    for (const contents of new Set(this.#kept.values())) contents.crash(this.#random)
  }

  /** Turns bits over in a file: rot, or somebody's hand. `path` is `<folder>/<name>`. */
  damage(path: string, at: number, length: number): void {
    this.#seen.get(path)?.damage(at, length)
  }

  /** Every file, by its path, with its size. */
  files(): Map<string, number> {
    return new Map([...this.#seen].sort().map(([path, { size }]) => [path, size]))
  }

  isOver(life: number): boolean {
    return life !== this.#life
  }

  contents(path: string): Contents {
    const known = this.#seen.get(path)
    if (known !== undefined) return known
    this.refuseReadOnly()
    const contents = new Contents()
    this.rename([[path, contents]])
    return contents
  }

  known(path: string): Contents {
    const contents = this.#seen.get(path)
    if (contents === undefined) throw failure('ENOENT')
    return contents
  }

  /** All of it survives a crash together, once it is synced, or by luck. */
  rename(change: Renaming): void {
    this.refuseReadOnly()
    if (this.#lot(this.conditions.writeFailure)) throw failure('EIO')
    rename(this.#seen, change)
    this.#unsynced.push(change)
  }

  /** Names in one folder. */
  syncNames(folder: string): void {
    if (this.#lot(this.conditions.syncFailure)) throw failure('EIO')
    this.#unsynced = this.#unsynced.filter((change) => {
      const here = change.some(([path]) => isIn(folder, path))
      if (here) rename(this.#kept, change)
      return !here
    })
  }

  write(contents: Contents, bytes: Uint8Array, at: number): void {
    this.refuseReadOnly()
    const fails = this.#lot(this.conditions.writeFailure)
    const growth = at + bytes.length - contents.size
    if (!fails && growth <= this.#room()) {
      contents.write(bytes, at)
      return
    }
    // A full disk takes what fits.
    const part = fails ? Math.floor(this.#random() * bytes.length) : bytes.length - growth + this.#room()
    contents.write(bytes.subarray(0, Math.max(0, part)), at)
    throw failure(fails ? 'EIO' : 'ENOSPC')
  }

  truncate(contents: Contents, size: number): void {
    this.refuseReadOnly()
    contents.truncate(size)
  }

  finishSync(contents: Contents, deeds: number): void {
    if (this.#lot(this.conditions.syncFailure)) {
      contents.failSync(deeds, this.#random)
      throw failure('EIO')
    }
    contents.sync(deeds)
  }

  syncTime(): number {
    const [min, max] = this.conditions.syncLatency
    return min + this.#random() * (max - min)
  }

  refuseReadOnly(): void {
    if (this.conditions.readOnly) throw failure('EROFS')
  }

  #room(): number {
    const { capacity } = this.conditions
    if (capacity === Number.POSITIVE_INFINITY) return capacity
    return [...this.#seen.values()].reduce((room, { size }) => room - size, capacity)
  }

  /** Draws only where there is something to decide, so that a disk without faults leaves the dice alone. */
  #lot(share: number): boolean {
    return share > 0 && this.#random() < share
  }
}

/** A folder of the disk in one life of its node. */
class Attached implements Disk {
  readonly #disk: SimulatedDisk
  readonly #clock: Clock
  readonly #life: number
  readonly #folder: string

  constructor(disk: SimulatedDisk, clock: Clock, life: number, folder: string) {
    this.#disk = disk
    this.#clock = clock
    this.#life = life
    this.#folder = folder
  }

  list(): Promise<string[]> {
    const paths = () => [...this.#disk.files().keys()].filter((path) => isIn(this.#folder, path))
    return this.#after(0, () => paths().map((path) => path.slice(this.#folder.length)))
  }

  open(name: string): Promise<DiskFile> {
    return this.#after(0, () => this.#file(this.#folder + name, this.#disk.contents(this.#folder + name)))
  }

  remove(name: string): Promise<void> {
    return this.#after(0, () => {
      this.#disk.known(this.#folder + name)
      this.#disk.rename([[this.#folder + name, undefined]])
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#after(0, () => {
      const contents = this.#disk.known(this.#folder + from)
      this.#disk.rename([
        [this.#folder + from, undefined],
        [this.#folder + to, contents]
      ])
    })
  }

  sync(): Promise<void> {
    return this.#after(this.#disk.syncTime(), () => this.#disk.syncNames(this.#folder))
  }

  folder(name: string): Disk {
    return new Attached(this.#disk, this.#clock, this.#life, `${this.#folder}${name}/`)
  }

  #file(path: string, contents: Contents): DiskFile {
    const disk = this.#disk
    return {
      get size() {
        return contents.size
      },
      write: (bytes, at) =>
        this.#after(0, () => {
          disk.onWrite(path, bytes)
          disk.write(contents, bytes, at)
        }),
      read: (at, length) => this.#after(disk.conditions.readLatency, () => contents.read(at, length)),
      truncate: (size) => this.#after(0, () => disk.truncate(contents, size)),
      sync: () => {
        const { deeds } = contents
        return this.#after(disk.syncTime(), () => disk.finishSync(contents, deeds))
      },
      close: () => this.#after(0, () => {})
    }
  }

  /** Without a time it happens at once, as in the kernel's memory. */
  #after<T>(ms: number, deed: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => {
        if (this.#disk.isOver(this.#life)) return
        try {
          resolve(deed())
        } catch (error) {
          reject(error)
        }
      }
      if (ms === 0) run()
      else this.#clock.after(ms, run)
    })
  }
}

function rename(names: Map<string, Contents>, change: Renaming): void {
  for (const [path, contents] of change) {
    if (contents === undefined) names.delete(path)
    else names.set(path, contents)
  }
}

function isIn(folder: string, path: string): boolean {
  return path.startsWith(folder) && !path.slice(folder.length).includes('/')
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: the simulated disk`), { code })
}
