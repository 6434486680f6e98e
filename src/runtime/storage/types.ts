/** One key's next value. */
export interface Change {
  readonly key: string
  /** Undefined deletes the key. */
  readonly value: Uint8Array | undefined
}

/**
 * What a node remembers: keys and values, any set of which changes at once or not at all. With a data folder it
 * outlives the process; without one it is the same thing in memory.
 */
export interface Store {
  /** False where nothing outlives the process: there is no data folder. */
  readonly durable: boolean
  /**
   * Sees writes that are still on their way to disk. Nobody may change the value: it is shared. `ERR_STORAGE`;
   * `ERR_CORRUPT` where the bytes are no longer what was written.
   */
  get(key: string): Promise<Uint8Array | undefined>
  /**
   * 0 where the key is absent; else a number that changes with every write of the key, those included that are on their
   * way to disk. It says nothing across a restart.
   */
  version(key: string): number
  /**
   * All or nothing, in the order of the calls; resolves once it is on disk. The values must never change afterwards.
   * When one fails, every one behind it that is on its way fails too, because it may rest on what it read there:
   * `ERR_STORAGE`, `details.reason` such as `'ENOSPC'`.
   */
  write(changes: readonly Change[]): Promise<void>
  /**
   * For what nobody waits for and a crash may undo: readers see it at once, and it is on disk with the next write, or when
   * the store is closed. So it costs no fdatasync of its own, nor makes the next write wait for one.
   */
  writeLater(changes: readonly Change[]): void
  /** Resolves once all that was written until now is on disk: at once where it is. `ERR_STORAGE`. */
  sync(): Promise<void>
  /** Whatever begins with the prefix when it is asked for, in the order of the keys. */
  entries(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>
  /** Waits for what is on its way; every later call rejects with `ERR_STORAGE`. */
  close(): Promise<void>
}

/** Bytes on disk that are not what was written: they were set aside in `<file>.<offset>.corrupt`, and all around them is intact. */
export interface StorageEvent {
  kind: 'storage-damaged'
  file: string
  /** Where the damage begins, in bytes from the beginning of the file. */
  offset: number
  /** 0 where the file ends too early: what stood behind `offset` is not there. */
  bytes: number
}

export type StorageReport = (event: StorageEvent) => void
