import { MeshError } from '../../../protocols/errors.ts'
import type { Committed, Outcome } from './types.ts'

interface Proposal extends PromiseWithResolvers<Committed> {
  readonly data: Uint8Array
}

/**
 * A leader's proposals, from when they are made until they are applied. The machine bounds nothing of what is not
 * committed: that is done here.
 */
export class Proposals {
  readonly #most: number
  readonly #mostBytes: number
  /** Made in this turn. */
  #gathered: Proposal[] = []
  /** In the log, the oldest first; those before `#head` are dealt with. All of one term. */
  #standing: { readonly index: number; readonly proposal: Proposal }[] = []
  #head = 0
  #term = 0
  #bytes = 0

  constructor(most: number, mostBytes: number) {
    this.#most = most
    this.#mostBytes = mostBytes
  }

  get size(): number {
    return this.#gathered.length + this.#standing.length - this.#head
  }

  /** `ERR_QUEUE_FULL`. */
  add(data: Uint8Array): Promise<Committed> {
    if (this.size >= this.#most || this.#bytes + data.byteLength > this.#mostBytes) {
      const text = `${this.size} proposals of ${this.#bytes} bytes are not committed yet`
      return Promise.reject(new MeshError('ERR_QUEUE_FULL', text))
    }
    const proposal = { ...Promise.withResolvers<Committed>(), data }
    this.#gathered.push(proposal)
    this.#bytes += data.byteLength
    return proposal.promise
  }

  /** What the turn has gathered. It is `accepted` or `refused` next. */
  get gathered(): Uint8Array[] {
    return this.#gathered.map(({ data }) => data)
  }

  /** The first of what was gathered stands at `index`. */
  accepted(index: number, term: number): void {
    // Between two terms of one leader others may have led.
    if (term !== this.#term) this.lost(lostError())
    this.#term = term
    for (const [i, proposal] of this.#gathered.entries()) this.#standing.push({ index: index + i, proposal })
    this.#gathered = []
  }

  refused(error: MeshError): void {
    for (const proposal of this.#gathered.splice(0)) this.#end(proposal).reject(error)
  }

  /** The entry at `index` is applied. Called for each, in order. */
  applied(index: number, term: number, outcome: Outcome): void {
    const first = this.#standing[this.#head]
    if (first === undefined || first.index > index) return
    this.#head++
    const { resolve, reject } = this.#end(first.proposal)
    if (term === this.#term && first.index === index) resolve({ index, term, outcome })
    else reject(lostError())
  }

  /** After the last one of a batch. */
  settle(): void {
    this.#standing.splice(0, this.#head)
    this.#head = 0
  }

  /** Another leads now: what stands in the log may be committed yet or not, and nobody here will know in time. */
  lost(error: MeshError): void {
    this.settle()
    for (const { proposal } of this.#standing.splice(0)) this.#end(proposal).reject(error)
  }

  #end(proposal: Proposal): Proposal {
    this.#bytes -= proposal.data.byteLength
    return proposal
  }
}

export function lostError(): MeshError {
  return new MeshError('ERR_PROPOSAL_LOST', 'another leads by now: what was proposed is committed, or never will be')
}
