import { POLL } from '../../../../protocols/consensus/constants.ts'
import type { CallBody } from '../../../../protocols/consensus/messages.ts'
import { pack, unpack } from '../../../../protocols/envelope/messagepack.ts'
import type { Clock } from '../../ports.ts'
import { muchWaits } from './long-polls.ts'
import type { LocalReplica } from './types.ts'

type Read = Extract<CallBody, { op: 'read' }>

/** Who waits for a read's answer; told once. */
export interface Reader {
  /** Nothing that may be large is worked out for it now. */
  readonly full: boolean
  done(index: number, value: Uint8Array): void
  failed(error: unknown): void
}

interface Waiting {
  readonly read: Read
  readonly reader: Reader
  /** The answer as of `at`, once it is prepared. */
  value: Uint8Array | undefined
  at: number
}

/** Bytes of prepared answers that wait for a quorum; more are made when it has answered. A guess. */
const PREPARED_BYTES = 1_048_576

/**
 * Reads of a replica that leads. Those that one round of heartbeats confirms wait together, and are answered together.
 *
 * Answers are made while the round is out. One counts if what it was made of had applied the index that the round
 * confirms: then nothing was committed in between that it lacks, and it is what would be read now or a moment ago, after
 * the read began (thesis 6.4). Else it is made anew.
 */
export class LeaderReads {
  readonly #replica: LocalReplica
  readonly #clock: Clock
  /** What the latest wait for. */
  #index: Promise<number> | undefined
  #latest: Waiting[] = []

  constructor(replica: LocalReplica, clock: Clock) {
    this.#replica = replica
    this.#clock = clock
  }

  add(read: Read, reader: Reader): void {
    const index = this.#replica.readIndex()
    // Another promise is another round: whoever waits for the one before must not wait for this one, nor the other way round.
    if (index !== this.#index) this.#begin(index)
    this.#latest.push({ read, reader, value: undefined, at: 0 })
  }

  #begin(index: Promise<number>): void {
    const together: Waiting[] = []
    this.#index = index
    this.#latest = together
    const over = (): void => {
      if (this.#index === index) this.#index = undefined
    }
    index
      .then((it) => this.#replica.reached(it, { timeout: POLL }).then(() => it))
      .then(
        (it) => {
          over()
          for (const waiting of together) this.#answer(waiting, it)
        },
        (error) => {
          over()
          for (const { reader } of together) reader.failed(error)
        }
      )
    // After the replica's own end of the turn, at which the heartbeats leave.
    this.#clock.endOfTurn(() => this.#prepare(together))
  }

  #prepare(together: readonly Waiting[]): void {
    let bytes = 0
    for (const waiting of together) {
      if (bytes > PREPARED_BYTES) return
      if (waiting.reader.full) continue
      try {
        waiting.value = encoded(this.#replica, waiting.read)
      } catch {
        // Then it is answered with what is thrown.
        continue
      }
      waiting.at = this.#replica.applied
      bytes += waiting.value.length
    }
  }

  #answer({ read, reader, value, at }: Waiting, index: number): void {
    if (value !== undefined && at >= index) reader.done(at, value)
    else respond(this.#replica, read, reader)
  }
}

/** What the state has now; `ERR_QUEUE_FULL` for who does not take what it asked for before. */
export function respond(replica: LocalReplica, read: Read, reader: Reader): void {
  if (reader.full) {
    reader.failed(muchWaits())
    return
  }
  let value: Uint8Array
  try {
    value = encoded(replica, read)
  } catch (error) {
    reader.failed(error)
    return
  }
  reader.done(replica.applied, value)
}

function encoded(replica: LocalReplica, { part, question }: Read): Uint8Array {
  return pack(replica.query(part, unpack(question)))
}
