import type { Message } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Enlisted } from '../core/delivery/roster.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import type { ServedCall } from '../runtime/delivery/served-call.ts'
import type { Clock } from '../runtime/ports.ts'
import { checkDelay, unbuilt } from './options.ts'
import { agentOf } from './source.ts'
import type { Context } from './types.ts'

/** A message being received. Invariant: it is settled once, by the handler's word or by its end. */
export class ReceiveContext implements Context, Enlisted {
  readonly inbound: Inbound
  readonly attempt: number
  readonly #clock: Clock
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

  constructor(inbound: Inbound, clock: Clock) {
    this.inbound = inbound
    this.attempt = inbound.attempt
    this.#clock = clock
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
    const handler = this.#clock.now() + (this.at - this.#clock.monotonic())
    return ttl === undefined ? handler : Math.min(ttl, handler)
  }

  ack(): void {
    if (this.settled) return
    this.settled = true
    this.inbound.done()
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

  get state(): never {
    throw unbuilt('ctx.state')
  }

  commit(): never {
    throw unbuilt('ctx.commit')
  }

  refuse(error: unknown, delay?: number, thrown = false): void {
    if (this.settled) return
    this.settled = true
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
  readonly #clock: Clock

  constructor(call: ServedCall, clock: Clock) {
    this.#call = call
    this.#clock = clock
  }

  get signal(): AbortSignal {
    return this.#call.signal
  }

  get sender(): { peer: string; agent: string } {
    return { peer: this.#call.peer, agent: agentOf(this.#call.message.source) }
  }

  get deadline(): number | undefined {
    const { deadline } = this.#call
    return deadline === undefined ? undefined : this.#clock.now() + (deadline - this.#clock.monotonic())
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
  get state(): never {
    throw unbuilt('ctx.state')
  }
  commit(): never {
    throw unbuilt('ctx.commit')
  }
}

function onlyReceive(): MeshError {
  return new MeshError('ERR_UNSUPPORTED', 'a request is answered by returning or throwing; its time is its caller’s')
}
