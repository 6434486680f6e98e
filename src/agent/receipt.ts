import { formatId } from '../../protocols/envelope/id.ts'
import type { Draft } from '../runtime/delivery/composer.ts'
import type { Receipt } from './types.ts'

/** A receipt whose message has met its fate. The id becomes text when it is asked for. */
export class SettledReceipt implements Receipt {
  readonly status: Receipt['status']
  readonly attempts: number
  readonly transport: string
  readonly route: string
  readonly peer: string
  readonly #ms: number
  readonly #counter: number
  readonly #lineage: string | undefined
  #id: string | undefined

  constructor(draft: Draft, status: Receipt['status'], attempts: number, transport: string, peer: string) {
    this.status = status
    this.attempts = attempts
    this.transport = transport
    this.route = transport === 'local' ? 'local' : transport === 'relay' ? 'relayed' : 'direct'
    this.peer = peer
    this.#id = draft.id
    this.#ms = draft.ms
    this.#counter = draft.counter
    this.#lineage = draft.attributes.lineage
  }

  get id(): string {
    return (this.#id ??= formatId(this.#ms, this.#counter, this.#lineage!))
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
