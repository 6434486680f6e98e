import type { Write } from '../../../../src/core/consensus/ready.ts'
import type { Entry, HardState, Message, Snapshot } from '../../../../src/core/consensus/types.ts'

/** A write under way, and what waits for it. */
export interface Pending {
  readonly write: Write | undefined
  readonly messages: readonly Message[]
}

/** What survives a crash, and, in order, what might yet. */
export class Disk {
  hardState: HardState = { term: 0, vote: undefined, commit: 0 }
  snapshot: Snapshot
  entries: Entry[] = []
  pending: Pending[] = []

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot
  }

  /** The oldest write has ended. */
  finish(): Pending {
    const pending = this.pending.shift()!
    this.#make(pending.write)
    return pending
  }

  /** Of what is under way the first `made` writes were made, and nobody was told. */
  crash(made: number): void {
    for (const { write } of this.pending.slice(0, made)) this.#make(write)
    this.pending = []
  }

  keep(snapshot: Snapshot, compacted: number): void {
    if (snapshot.index > this.snapshot.index) this.snapshot = snapshot
    this.entries = this.entries.filter(({ index }) => index > compacted)
  }

  #make(write: Write | undefined): void {
    if (write === undefined) return
    this.hardState = write.hardState ?? this.hardState
    if (write.snapshot !== undefined) {
      this.snapshot = write.snapshot
      this.entries = []
    }
    const first = write.entries[0]
    if (first === undefined) return
    while (this.entries.length > 0 && this.entries.at(-1)!.index >= first.index) this.entries.pop()
    this.entries.push(...write.entries)
  }
}
