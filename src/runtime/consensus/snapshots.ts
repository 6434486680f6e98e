import { MeshError } from '../../../protocols/errors.ts'
import { MAX_SNAPSHOT_BYTES } from '../../../protocols/raft/constants.ts'
import type { Snapshot, SnapshotMeta } from '../../core/consensus/types.ts'
import type { Clock } from '../ports.ts'
import type { History } from './history.ts'
import type { RaftStore } from './raft-store.ts'
import type { ReplicaOptions, Replicated } from './types.ts'

/** ms for which a state is written at a time, so that nothing else waits for all of it. A guess. */
const SLICE = 2

export interface SnapshotsParts {
  readonly clock: Clock
  readonly store: RaftStore
  readonly state: Replicated
  readonly history: History
  readonly options: ReplicaOptions
  /** The latest on disk. */
  readonly snapshot: Snapshot
  /** Undefined where a leader's snapshot, perhaps not yet on disk, has taken the place of that entry. */
  describe(index: number): SnapshotMeta | undefined
  compact(index: number, snapshot: Snapshot): void
  /** Throws where the replica has ended. */
  checkAlive(): void
  /** The disk failed: the replica cannot go on. */
  failed(error: unknown): void
  /** The one that was due could not be taken. */
  refused(error: unknown): void
}

/** When a replica takes a snapshot of its state machine, and what becomes of it. */
export class Snapshots {
  readonly #parts: SnapshotsParts
  #latest: Snapshot
  /** Taken one after the other. */
  #taking: Promise<unknown> | undefined
  /** From where on entries and bytes are counted: of the latest, or of one that was refused. */
  #counted: number
  #bytesBefore = 0

  constructor(parts: SnapshotsParts) {
    this.#parts = parts
    this.#latest = parts.snapshot
    this.#counted = parts.snapshot.index
  }

  get latest(): Snapshot {
    return this.#latest
  }

  take(): Promise<SnapshotMeta> {
    const before = this.#taking ?? Promise.resolve()
    const taken = before.then(() => this.#take())
    const over = (): void => {
      if (this.#taking === ended) this.#taking = undefined
    }
    const ended = taken.then(over, over)
    this.#taking = ended
    return taken
  }

  /** Something was applied, and the machine knows. */
  consider(): void {
    if (this.#taking !== undefined || !this.#due) return
    this.take().catch((error) => {
      // Else it would be due again at once.
      this.#countFromHere()
      this.#parts.refused(error)
    })
  }

  /** A leader's is on disk and in the state machine. */
  installed(snapshot: Snapshot): void {
    this.#latest = snapshot
    this.#countFromHere()
  }

  get #due(): boolean {
    const { history, options } = this.#parts
    const { snapshotEntries, snapshotFactor, snapshotBytes } = options
    if (history.last - this.#counted >= snapshotEntries) return true
    const bytes = history.bytes - this.#bytesBefore
    return bytes >= Math.max(snapshotBytes, snapshotFactor * this.#latest.data.byteLength)
  }

  #countFromHere(): void {
    this.#counted = this.#parts.history.last
    this.#bytesBefore = this.#parts.history.bytes
  }

  async #take(): Promise<SnapshotMeta> {
    const { store, history, options, describe, checkAlive } = this.#parts
    checkAlive()
    const meta = describe(history.last)
    if (meta === undefined || meta.index <= this.#latest.index) return metaOf(this.#latest)
    // Nothing is applied between the two: what is captured is the state as of that index.
    const captured = this.#parts.state.capture()
    this.#countFromHere()
    const snapshot = { ...meta, data: await this.#joined(captured) }
    checkAlive()
    // Before it is on disk nothing that it stands for may be forgotten.
    const kept = await store.keep(snapshot).catch((error) => {
      this.#parts.failed(error)
      throw error
    })
    checkAlive()
    if (!kept || snapshot.index <= this.#latest.index) return metaOf(this.#latest)
    this.#latest = snapshot
    const index = Math.min(snapshot.index, history.trailing(options.trailingEntries, options.trailingBytes))
    history.compact(index)
    this.#parts.compact(Math.max(0, index), snapshot)
    return metaOf(snapshot)
  }

  async #joined(pieces: Iterable<Uint8Array>): Promise<Uint8Array> {
    const { clock } = this.#parts
    const made: Uint8Array[] = []
    let bytes = 0
    let since = clock.monotonic()
    for (const piece of pieces) {
      made.push(piece)
      bytes += piece.byteLength
      if (bytes > MAX_SNAPSHOT_BYTES)
        throw new MeshError('ERR_LIMIT', `a snapshot of more than ${MAX_SNAPSHOT_BYTES} bytes`)
      if (clock.monotonic() - since < SLICE) continue
      await new Promise<void>((resolve) => clock.endOfTurn(resolve))
      since = clock.monotonic()
    }
    if (made.length === 1) return made[0]!
    const { buffer, byteOffset, byteLength } = Buffer.concat(made)
    return new Uint8Array(buffer, byteOffset, byteLength)
  }
}

function metaOf({ index, term, configuration }: SnapshotMeta): SnapshotMeta {
  return { index, term, configuration }
}
