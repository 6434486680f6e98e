import { POLL } from '../../../../protocols/consensus/constants.ts'
import type { Call, CallBody, Done, Failed } from '../../../../protocols/consensus/messages.ts'
import { MeshError } from '../../../../protocols/errors.ts'
import { MAX_SNAPSHOT_BYTES } from '../../../../protocols/raft/constants.ts'
import type { Numbered } from '../../../core/delivery/numbered.ts'
import type { Enlisted } from '../../../core/delivery/roster.ts'

/** ms without any answer after which a replica is held to be silent. A guess: what a commit takes, many times over. */
const PATIENCE = 1_000

/** Sees to it that what is asked comes to somebody who answers. */
export interface AskRoute {
  answered(ask: Ask, peer: string): void
  failed(ask: Ask, peer: string, failure: Failed): void
  /** Its caller needs no answer any more. */
  drop(ask: Ask): void
}

/** Who is told, once and at once, what became of an ask. Must not throw. */
export interface AskOwner {
  answered(ask: Ask, done: Done): void
  failed(ask: Ask, error: unknown): void
}

/** Something asked of a group, until it is answered, by whichever replica. */
export class Ask implements Numbered, Enlisted {
  readonly number: number
  readonly call: Call
  readonly route: AskRoute
  settled = false
  place = -1
  /** The replica that has it now; undefined while it waits. */
  peer: string | undefined
  /** Every one that was given it: who was not has nothing to answer. */
  readonly peers: string[] = []
  /** How often it was sent. */
  attempts = 0
  /** Monotonic ms. */
  sentAt = 0
  firstSentAt: number | undefined
  #parts: Uint8Array[] = []
  #bytes = 0
  #owner: AskOwner | undefined
  /** Its number is free again. */
  readonly #settled: (ask: Ask) => void

  constructor(route: AskRoute, number: number, body: CallBody, owner: AskOwner, settled: (ask: Ask) => void) {
    this.route = route
    this.number = number
    this.call = { ...body, id: number }
    this.#owner = owner
    this.#settled = settled
  }

  /** What it adds to a frame, in bytes, near enough. */
  get size(): number {
    const { call } = this
    if (call.op === 'propose') return call.command.byteLength + 16
    if (call.op === 'read') return call.question.byteLength + 32
    return 128
  }

  /** ms that the replica may take: some answers wait for something to happen, and who was asked before may just be slow. */
  get patience(): number {
    const { op } = this.call
    if (op !== 'propose' && op !== 'index' && op !== 'read') return POLL + PATIENCE
    return PATIENCE * 2 ** Math.min(this.attempts - this.peers.length, 4)
  }

  /** The whole answer, once its last part is here; else when the part came counts. */
  part(done: Done, now: number): Done | undefined {
    if (done.rest === 0 && this.#parts.length === 0) return done
    this.#parts.push(done.value)
    this.#bytes += done.value.length
    this.sentAt = now
    if (this.#bytes + done.rest > MAX_SNAPSHOT_BYTES) throw new MeshError('ERR_LIMIT', 'an answer that is too large')
    return done.rest > 0 ? undefined : { ...done, value: Buffer.concat(this.#parts) }
  }

  sent(peer: string, now: number): void {
    this.#parts = []
    this.#bytes = 0
    this.peer = peer
    this.sentAt = now
    this.firstSentAt ??= now
    this.attempts++
    if (!this.peers.includes(peer)) this.peers.push(peer)
  }

  resolve(done: Done): void {
    this.#settle()?.answered(this, done)
  }

  reject(error: unknown): void {
    this.#settle()?.failed(this, error)
  }

  /** Whom to tell, the first time. Not kept: what an old table still points at must not keep its caller's things alive. */
  #settle(): AskOwner | undefined {
    const owner = this.#owner
    if (this.settled) return undefined
    this.settled = true
    this.#owner = undefined
    this.#settled(this)
    return owner
  }
}
