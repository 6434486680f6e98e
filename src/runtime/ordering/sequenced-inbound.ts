import type { Message } from '../../../protocols/envelope/message.ts'
import { MeshError, wasThrown } from '../../../protocols/errors.ts'
import type { Place } from '../../../protocols/point-to-point/codec.ts'
import type { Placed } from '../../core/ordering/hold-back.ts'
import type { Inbound } from '../delivery/inbound.ts'
import type { PausedSenders } from '../delivery/paused-senders.ts'
import type { Change } from '../storage/types.ts'

/** Hears how a message in total order ended; `over`: it does not come again under its number. */
type Ended = (inbound: SequencedInbound, over: boolean) => void

/** Refusals after which the sender does not send it again. */
const FINAL = new Set(['ERR_TERMINATED', 'ERR_NO_HANDLER', 'ERR_TTL'])

/** A message in total order, which tells when the next may follow. */
export class SequencedInbound implements Inbound, Placed {
  readonly sequence: string
  readonly number: number
  readonly settled: number
  readonly #inner: Inbound
  readonly #ended: Ended
  #over = false

  constructor(inner: Inbound, { sequence, number, settled }: Placed, ended: Ended) {
    this.#inner = inner
    this.sequence = sequence
    this.number = number
    this.settled = settled
    this.#ended = ended
  }

  get message(): Message {
    return this.#inner.message
  }
  get target(): string {
    return this.#inner.target
  }
  get instance(): string | undefined {
    return this.#inner.instance
  }
  get place(): Place | undefined {
    return this.#inner.place
  }
  get attempt(): number {
    return this.#inner.attempt
  }
  get peer(): string {
    return this.#inner.peer
  }
  get timeout(): number | undefined {
    return this.#inner.timeout
  }
  get bytes(): number {
    return this.#inner.bytes
  }
  get bounded(): boolean {
    return this.#inner.bounded
  }
  get orphaned(): boolean {
    return this.#inner.orphaned
  }

  detach(): void {
    this.#inner.detach()
  }
  release(): void {
    this.#inner.release()
  }
  pause(paused: PausedSenders): void {
    this.#inner.pause(paused)
  }

  /** It waits here, where a bound of its own holds. */
  hold(): void {
    this.#inner.detach()
    this.#inner.release()
  }

  done(): void {
    this.#inner.done()
    this.#end(true)
  }

  again(): void {
    this.#inner.again()
    this.#end(true)
  }

  /** The next sees what this one changed: not before it is on disk. */
  async commit(changes: readonly Change[]): Promise<void> {
    const commit = this.#inner.commit?.bind(this.#inner)
    if (commit === undefined) throw new MeshError('ERR_SETTLED', 'a message of which nothing is recorded')
    try {
      await commit(changes)
    } catch (error) {
      this.#end(false)
      throw error
    }
    this.#end(true)
  }

  refuse(error: unknown, delay?: number, thrown = false): void {
    this.#inner.refuse(error, delay, thrown)
    this.#end(!thrown && !wasThrown(error) && FINAL.has((error as MeshError).code))
  }

  #end(over: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#ended(this, over)
  }
}
