import { POLL } from '../../../../protocols/consensus/constants.ts'
import type { CallBody } from '../../../../protocols/consensus/messages.ts'
import { pack, unpack } from '../../../../protocols/envelope/messagepack.ts'
import type { LocalReplica } from './types.ts'

type Read = Extract<CallBody, { op: 'read' }>

/** Who waits for a read's answer; told once. */
export interface Reader {
  done(index: number, value: Uint8Array): void
  failed(error: unknown): void
}

interface Waiting {
  readonly read: Read
  readonly reader: Reader
}

/** Reads of a replica that leads. Those that one round of heartbeats confirms wait together, and are answered together. */
export class LeaderReads {
  readonly #replica: LocalReplica
  /** What the latest wait for. */
  #index: Promise<number> | undefined
  #latest: Waiting[] = []

  constructor(replica: LocalReplica) {
    this.#replica = replica
  }

  add(read: Read, reader: Reader): void {
    const index = this.#replica.readIndex()
    // Another promise is another round: whoever waits for the one before must not wait for this one, nor the other way round.
    if (index !== this.#index) this.#begin(index)
    this.#latest.push({ read, reader })
  }

  #begin(index: Promise<number>): void {
    const together: Waiting[] = []
    this.#index = index
    this.#latest = together
    const over = (): void => {
      if (this.#index === index) this.#index = undefined
    }
    index
      .then((it) => this.#replica.reached(it, { timeout: POLL }))
      .then(
        () => {
          over()
          for (const { read, reader } of together) answer(this.#replica, read, reader)
        },
        (error) => {
          over()
          for (const { reader } of together) reader.failed(error)
        }
      )
  }
}

/** What the state has now. */
export function answer(replica: LocalReplica, { part, question }: Read, reader: Reader): void {
  let value: Uint8Array
  try {
    value = pack(replica.query(part, unpack(question)))
  } catch (error) {
    reader.failed(error)
    return
  }
  reader.done(replica.applied, value)
}
