import type { Write } from '../../core/consensus/ready.ts'
import type { Message, Snapshot } from '../../core/consensus/types.ts'
import type { RaftStore } from './raft-store.ts'

interface Pending {
  readonly number: number | undefined
  readonly messages: readonly Message[]
  readonly snapshot: Snapshot | undefined
  made: boolean
}

export interface PersistenceParts {
  readonly store: RaftStore
  send(message: Message): void
  /** The snapshot of a leader is on disk. */
  installed(snapshot: Snapshot): void
  /** Told in the order of the numbers. */
  persisted(number: number): void
  failed(error: unknown): void
}

/** What the machine has put down to be written, and what may leave only then, in order. */
export class Persistence {
  readonly #parts: PersistenceParts
  #pending: Pending[] = []
  #over = false

  constructor(parts: PersistenceParts) {
    this.#parts = parts
  }

  /**
   * The messages leave once this write and every one before it are on disk, also where there is none: else somebody could
   * count on a vote or an entry that a crash takes back.
   */
  add(write: Write | undefined, messages: readonly Message[]): void {
    if (this.#over) return
    const made = write === undefined || !write.sync
    const pending = { number: write?.number, messages, snapshot: write?.snapshot, made }
    this.#pending.push(pending)
    if (made) {
      // Of a write that need not be synced the disk is told nothing: it knows how far the log is committed from the next
      // one, or from the leader. A record that may be lost unnoticed would leave a gap among those that may not.
      this.#settle()
      return
    }
    this.#parts.store.write(write).then(
      () => {
        pending.made = true
        this.#settle()
      },
      // Nobody knows what the disk has now: not tried again, nor left out as though it had not been asked for.
      (error) => {
        if (!this.#over) this.#parts.failed(error)
      }
    )
  }

  stop(): void {
    this.#over = true
    this.#pending = []
  }

  #settle(): void {
    while (!this.#over && this.#pending[0]?.made) {
      const { number, messages, snapshot } = this.#pending.shift()!
      if (snapshot !== undefined) this.#parts.installed(snapshot)
      if (this.#over) return
      for (const message of messages) this.#parts.send(message)
      if (number !== undefined) this.#parts.persisted(number)
    }
  }
}
