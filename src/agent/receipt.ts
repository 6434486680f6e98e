import { formatId } from '../../protocols/envelope/id.ts'
import type { Draft } from '../runtime/delivery/composer.ts'
import type { Receipt } from './types.ts'

/** A receipt whose message has met its fate. The id becomes text, and the transport is looked up, when asked for. */
export class SettledReceipt implements Receipt {
  readonly status: Receipt['status']
  readonly attempts: number
  readonly peer: string
  readonly #transportTo: (peer: string) => string
  readonly #ms: number
  readonly #counter: number
  readonly #lineage: string | undefined
  #id: string | undefined

  constructor(
    draft: Draft,
    status: Receipt['status'],
    attempts: number,
    peer: string,
    transportTo: (peer: string) => string
  ) {
    this.status = status
    this.attempts = attempts
    this.peer = peer
    this.#transportTo = transportTo
    this.#id = draft.id
    this.#ms = draft.ms
    this.#counter = draft.counter
    this.#lineage = draft.attributes.lineage
  }

  get id(): string {
    return (this.#id ??= formatId(this.#ms, this.#counter, this.#lineage!))
  }

  get transport(): string {
    return this.#transportTo(this.peer)
  }

  get route(): string {
    const { transport } = this
    return transport === 'local' ? 'local' : transport === 'relay' ? 'relayed' : 'direct'
  }

  get settled(): Promise<Receipt> {
    return Promise.resolve(this)
  }

  toJSON(): Record<string, unknown> {
    const { id, status, attempts, transport, route, peer } = this
    return { id, status, attempts, transport, route, peer }
  }

  [Symbol.for('nodejs.util.inspect.custom')](): Record<string, unknown> {
    return this.toJSON()
  }
}

/** The receipt of a message that is on disk: `settled` is what comes of it. */
export class StoredReceipt extends SettledReceipt {
  readonly #end: Promise<Receipt>

  /** `peer`: whom it is meant for, or `''`. */
  constructor(
    draft: Draft,
    attempts: number,
    peer: string,
    transportTo: (peer: string) => string,
    end: Promise<Receipt>
  ) {
    super(draft, 'stored', attempts, peer, transportTo)
    this.#end = end
  }

  override get transport(): string {
    return this.peer === '' ? 'none' : super.transport
  }

  override get route(): string {
    return this.peer === '' ? 'none' : super.route
  }

  override get settled(): Promise<Receipt> {
    return this.#end
  }
}
