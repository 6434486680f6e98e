import type { Message } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Enlisted } from '../core/delivery/roster.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import type { ServedCall } from '../runtime/delivery/served-call.ts'
import type { Clock } from '../runtime/ports.ts'
import { checkDelay } from './options.ts'
import { agentOf } from './source.ts'
import type { StateSpace } from './state.ts'
import { Transaction } from './transaction.ts'
import type { AgentState, Context, StateChange } from './types.ts'

/** What a context asks of whoever runs the handler. */
export interface ContextHost {
  readonly clock: Clock
  readonly state: StateSpace
}

export interface ReceiveHost extends ContextHost {
  /** A message that nobody acknowledges was given up: by its handler, or for want of room. */
  dropped(inbound: Inbound, error: unknown): void
}

/** A message being received. Invariant: it is settled once, by the handler's word or by its end. */
export class ReceiveContext implements Context, Enlisted {
  readonly inbound: Inbound
  readonly attempt: number
  readonly #host: ReceiveHost
  #transaction: Transaction | undefined
  #abort: AbortController | undefined
  #reason: MeshError | undefined
  settled = false
  /** Monotonic ms when the handler's time is up, and its place among such times. */
  at = Number.POSITIVE_INFINITY
  slot = -1
  place = -1
  /** Called when the handler asks for its time anew, and when that time is up. */
  renew: (() => void) | undefined
  late: (() => void) | undefined
  /** Called when the handler has committed and whoever comes next sees that already. */
  committed: (() => void) | undefined

  constructor(inbound: Inbound, host: ReceiveHost) {
    this.inbound = inbound
    this.attempt = inbound.attempt
    this.#host = host
  }

  get message(): Message {
    return this.inbound.message
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      // It may have waited in the queue while its sender went.
      if (this.inbound.orphaned) this.#reason ??= new MeshError('ERR_LINK_CLOSED', 'the sender is gone')
      if (this.#reason !== undefined) this.#abort.abort(this.#reason)
    }
    return this.#abort.signal
  }

  get sender(): { peer: string; agent: string } {
    return { peer: this.inbound.peer, agent: agentOf(this.message.source) }
  }

  get deadline(): number | undefined {
    const ttl = this.message.qos?.deadline
    if (this.at === Number.POSITIVE_INFINITY) return ttl
    const { clock } = this.#host
    const handler = clock.now() + (this.at - clock.monotonic())
    return ttl === undefined ? handler : Math.min(ttl, handler)
  }

  ack(): void {
    if (this.settled) return
    this.settled = true
    this.inbound.done()
  }

  /** It was handled elsewhere. */
  again(): void {
    if (this.settled) return
    this.settled = true
    if (this.inbound.place === undefined) this.inbound.done()
    else this.inbound.again()
  }

  nak(delay?: number): void {
    checkDelay(delay)
    this.refuse(new MeshError('ERR_HANDLER', 'the handler asked for redelivery'), delay)
  }

  term(reason = 'the handler gave the message up'): void {
    this.refuse(new MeshError('ERR_TERMINATED', String(reason)))
  }

  working(): void {
    this.renew?.()
  }

  get state(): AgentState {
    return this.#own
  }

  commit(changes: readonly StateChange[] = []): Promise<void> {
    return this.complete(this.#own, changes)
  }

  get #own(): Transaction {
    this.#transaction ??= new Transaction(this.#host.state)
    return this.#transaction
  }

  /** Settles the message by a commit, unless that meets a conflict. */
  async complete(transaction: Transaction, changes: readonly StateChange[]): Promise<void> {
    if (this.settled) throw settledAlready()
    // From here on nobody else may settle it: neither the handler nor the end of its time.
    this.settled = true
    try {
      const stored = transaction.commit(changes, this.inbound)
      if (transaction.ordered) this.committed?.()
      await stored
    } catch (error) {
      this.#incomplete(transaction, error as MeshError)
      throw error
    }
  }

  /** Nothing was stored. What the caller can mend leaves the message to it, unless its time was up meanwhile. */
  #incomplete(transaction: Transaction, error: MeshError): void {
    transaction.reset()
    if (MENDABLE.has(error.code) && this.#reason === undefined) this.settled = false
    else this.inbound.refuse(this.#reason ?? error)
  }

  refuse(error: unknown, delay?: number, thrown = false): void {
    if (this.settled) return
    this.settled = true
    // Whoever waits for an acknowledgement is told; of what nobody waits for this is the only trace.
    if (this.inbound.timeout === undefined) this.#host.dropped(this.inbound, error)
    this.inbound.refuse(error, delay, thrown)
  }

  /** Nobody waits for the result any longer. */
  abort(reason: MeshError): void {
    this.#reason ??= reason
    this.#abort?.abort(reason)
  }
}

/** A request being answered. */
export class CallContext implements Context {
  readonly attempt = 1
  readonly #call: ServedCall
  readonly #host: ContextHost
  #transaction: Transaction | undefined

  constructor(call: ServedCall, host: ContextHost) {
    this.#call = call
    this.#host = host
  }

  get signal(): AbortSignal {
    return this.#call.signal
  }

  get sender(): { peer: string; agent: string } {
    return { peer: this.#call.peer, agent: agentOf(this.#call.message.source) }
  }

  get deadline(): number | undefined {
    const { deadline } = this.#call
    const { clock } = this.#host
    return deadline === undefined ? undefined : clock.now() + (deadline - clock.monotonic())
  }

  ack(): void {
    throw onlyReceive()
  }
  nak(): void {
    throw onlyReceive()
  }
  term(): void {
    throw onlyReceive()
  }
  working(): void {
    throw onlyReceive()
  }
  get state(): AgentState {
    return this.#own
  }

  async commit(changes: readonly StateChange[] = []): Promise<void> {
    const own = this.#own
    try {
      await own.commit(changes, undefined)
    } finally {
      own.reset()
    }
  }

  get #own(): Transaction {
    this.#transaction ??= new Transaction(this.#host.state, undefined, false)
    return this.#transaction
  }
}

/** What a handler may do better within its time: the state has changed, or what it wants to store is no change. */
const MENDABLE = new Set(['ERR_CONFLICT', 'ERR_CONFIG', 'ERR_UNREPRESENTABLE'])

function settledAlready(): MeshError {
  return new MeshError('ERR_SETTLED', 'the message was committed, acknowledged or refused already, or its time is up')
}

function onlyReceive(): MeshError {
  return new MeshError('ERR_UNSUPPORTED', 'a request is answered by returning or throwing; its time is its caller’s')
}
