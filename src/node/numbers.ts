import { Numbering } from '../core/delivery/numbering.ts'
import type { Clock } from '../runtime/ports.ts'
import type { Change, Store } from '../runtime/storage/types.ts'

const EPOCH = 'meta/epoch'
const PREFIX = 'numbers/'

/** The numberings of this node, one for each host that it sends to, and the epoch that they belong to. */
export class Numbers {
  readonly #store: () => Store
  readonly #byPeer = new Map<string, Numbering>()
  /** The one that was asked for last: asked for some times for each message. */
  #peer: string | undefined
  #numbering = new Numbering()
  /** Writes of bounds on their way. */
  readonly #securing = new Map<string, Promise<void>>()
  #epoch = 0

  constructor(store: () => Store) {
    this.#store = store
  }

  /** Names the numberings: when the store was made, wall-clock ms. */
  get epoch(): number {
    return this.#epoch
  }

  async load(clock: Clock): Promise<void> {
    const known = await this.#store().get(EPOCH)
    if (known === undefined) {
      this.#epoch = Math.floor(clock.now())
      await this.#store().write([{ key: EPOCH, value: numeral(this.#epoch) }])
    } else {
      this.#epoch = Number(Buffer.from(known).toString())
    }
    for await (const [key, value] of this.#store().entries(PREFIX)) {
      this.#byPeer.set(key.slice(PREFIX.length), new Numbering(Number(Buffer.from(value).toString())))
    }
  }

  for(peer: string): Numbering {
    if (peer === this.#peer) return this.#numbering
    let numbering = this.#byPeer.get(peer)
    if (numbering === undefined) {
      this.#byPeer.set(peer, (numbering = new Numbering()))
      // Nothing outlives the process, its epoch included: there is nothing to secure.
      if (!this.#store().durable) numbering.confirm(Number.POSITIVE_INFINITY)
    }
    this.#peer = peer
    this.#numbering = numbering
    return numbering
  }

  /** What has to be written with whatever uses the last number taken: `done` or `failed` tells the numbering. */
  reserve(peer: string, changes: Change[]): Reservation | undefined {
    const numbering = this.for(peer)
    const bound = numbering.reserve()
    if (bound === undefined) return undefined
    changes.push({ key: PREFIX + peer, value: numeral(bound) })
    return { done: () => numbering.confirm(bound), failed: () => numbering.failed() }
  }

  /** Resolves once the numbers taken may leave, for what is not stored itself. `ERR_STORAGE`. */
  secured(peer: string): Promise<void> {
    const under = this.#securing.get(peer)
    if (under !== undefined) return under
    const changes: Change[] = []
    // What others are about to write with their own records is written once more: nobody is asked how far they are.
    this.for(peer).failed()
    const reservation = this.reserve(peer, changes)
    if (reservation === undefined) return Promise.resolve()
    const written = this.#store()
      .write(changes)
      .then(reservation.done, (error: unknown) => {
        reservation.failed()
        throw error
      })
    const securing = written.finally(() => {
      if (this.#securing.get(peer) === securing) this.#securing.delete(peer)
    })
    this.#securing.set(peer, securing)
    return securing
  }
}

export interface Reservation {
  done(): void
  failed(): void
}

/** Text, so that whoever looks into the store can read it. */
function numeral(value: number): Uint8Array {
  return Buffer.from(String(value))
}
