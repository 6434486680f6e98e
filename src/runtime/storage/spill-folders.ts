import { createHash } from 'node:crypto'
import type { Disk } from '../ports.ts'
import { type SpillHost, SpillQueue } from './spill-queue.ts'
import type { StorageReport } from './types.ts'

interface Closable {
  close(): Promise<void>
  discard(): Promise<void>
}

/**
 * Where the queues of a node spill to: one folder for each, named by its owner, so that whoever has the name in the node's
 * next life finds what was left. Of several owners of one name the first has the first folder again, and so on.
 */
export class SpillFolders {
  readonly #disk: Disk
  readonly #most: number
  readonly #report: StorageReport
  readonly #open = new Map<string, Closable>()
  #closing: Promise<unknown>[] = []

  /** `most`: bytes that wait in one folder at most. */
  constructor(disk: Disk, most: number, report: StorageReport) {
    this.#disk = disk
    this.#most = most
    this.#report = report
  }

  /** `owner`: texts that name the queue. */
  open<T>(owner: readonly string[], host: SpillHost<T>): SpillQueue<T> {
    const name = createHash('sha256').update(JSON.stringify(owner)).digest('hex').slice(0, 32)
    let place = 0
    while (this.#open.has(`${name}-${place}`)) place++
    const folder = `${name}-${place}`
    const queue = new SpillQueue<T>(this.#disk.folder(folder), this.#most, this.#report, host)
    this.#open.set(folder, queue)
    return queue
  }

  /** The folder may be had again once it is let go of. `discard`: with nothing left in it. */
  close(queue: Closable, discard = false): void {
    this.#closing.push(this.#close(queue, discard))
  }

  async #close(queue: Closable, discard: boolean): Promise<void> {
    if (discard) await queue.discard().catch(() => {})
    await queue.close()
    for (const [folder, one] of this.#open) if (one === queue) this.#open.delete(folder)
  }

  /** Resolves once every folder is let go of. */
  async closed(): Promise<void> {
    for (const queue of this.#open.values()) this.#closing.push(queue.close())
    await Promise.allSettled(this.#closing)
  }
}
