import type { AttributeSet } from '../../protocols/envelope/attributes.ts'
import { MeshError } from '../../protocols/errors.ts'
import { BoundedQueue } from '../core/flow/queue.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import type { ServedCall } from '../runtime/delivery/served-call.ts'
import { type ReceiverHost, ReceiverQueue } from './receivers.ts'
import { type ResponderHost, ResponderQueue } from './responders.ts'
import type { HandlerOptions, MailboxOptions, Receiver, RequestHandler } from './types.ts'

export type InboxHost = ReceiverHost & ResponderHost & { attributes(type: string): AttributeSet }

/** Everything that comes to one instance of an agent, and who handles it. */
export class Inbox {
  readonly #host: InboxHost
  readonly #defaults: MailboxOptions
  readonly #receivers = new Map<string, ReceiverQueue>()
  readonly #responders = new Map<string, ResponderQueue>()
  /** For messages of a type that nobody asked for by name. */
  #receiver: ReceiverQueue | undefined
  /**
   * What came before the first handler: bounded, in order. It is given out once the code that registers that handler is
   * through, so that handlers registered together all get theirs; what none of them takes is refused as it would be
   * later, since its senders would wait for ever.
   */
  readonly #early: BoundedQueue<Inbound>
  readonly #earlyCalls: BoundedQueue<ServedCall>
  #state: 'waiting' | 'opening' | 'open' = 'waiting'

  /** `defaults`: of the mailboxes of its receivers. */
  constructor(host: InboxHost, defaults: MailboxOptions = {}) {
    this.#host = host
    this.#defaults = defaults
    const { messages, bytes, highWatermark, lowWatermark } = host.limits
    const limits = { highWatermark, lowWatermark, maxQueue: { messages, bytes } }
    this.#early = new BoundedQueue(limits, 'reject', () => {})
    this.#earlyCalls = new BoundedQueue(limits, 'reject', () => {})
  }

  /** Messages and requests waiting or being handled. */
  get pending(): number {
    let pending = this.#early.length + this.#earlyCalls.length
    for (const queue of this.#queues()) pending += queue.length + queue.running
    return pending
  }

  receive(type: string | undefined, handler: Receiver, options: HandlerOptions): void {
    const known = type === undefined ? this.#receiver !== undefined : this.#receivers.has(type)
    if (known) throw taken(type ?? 'every type')
    const queue = new ReceiverQueue(handler, { ...this.#defaults, ...options }, type, this.#host)
    if (type === undefined) this.#receiver = queue
    else this.#receivers.set(type, queue)
    this.#open()
  }

  handle(type: string, handler: RequestHandler, options: HandlerOptions): void {
    if (this.#responders.has(type)) throw taken(type)
    this.#responders.set(type, new ResponderQueue(handler, options, this.#host))
    this.#open()
  }

  #open(): void {
    if (this.#state !== 'waiting') return
    if (this.#early.length === 0 && this.#earlyCalls.length === 0) {
      this.#state = 'open'
      return
    }
    this.#state = 'opening'
    queueMicrotask(() => {
      this.#state = 'open'
      for (let inbound = this.#early.shift(); inbound !== undefined; inbound = this.#early.shift()) {
        this.deliver(inbound)
      }
      for (let call = this.#earlyCalls.shift(); call !== undefined; call = this.#earlyCalls.shift()) this.serve(call)
    })
  }

  deliver(inbound: Inbound): void {
    if (this.#state !== 'open') {
      inbound.detach()
      if (this.#early.push(inbound, inbound.bytes)) inbound.release()
      else
        this.#reject(inbound, new MeshError('ERR_QUEUE_FULL', `${inbound.target} has no handler yet and a full queue`))
      return
    }
    const queue = this.#receivers.get(inbound.message.type) ?? this.#receiver
    if (queue !== undefined) queue.push(inbound)
    else {
      this.#reject(inbound, new MeshError('ERR_NO_HANDLER', `${inbound.target} receives no ${inbound.message.type}`))
    }
  }

  serve(call: ServedCall): void {
    if (this.#state !== 'open') {
      if (!this.#earlyCalls.push(call, call.bytes)) {
        call.fail(new MeshError('ERR_QUEUE_FULL', `${call.target} has no handler yet and a full queue`))
      }
      return
    }
    const queue = this.#responders.get(call.message.type) ?? this.#responders.get('*')
    if (queue !== undefined) queue.push(call)
    else call.fail(new MeshError('ERR_NO_HANDLER', `${call.target} answers no ${call.message.type}`))
  }

  /** Refuses what waits; what is being handled goes on. */
  close(): void {
    const reason = new MeshError('ERR_NO_RESPONDERS', 'the agent is closed')
    for (let inbound = this.#early.shift(); inbound !== undefined; inbound = this.#early.shift())
      this.#reject(inbound, reason)
    for (let call = this.#earlyCalls.shift(); call !== undefined; call = this.#earlyCalls.shift()) call.fail(reason)
    for (const queue of this.#queues()) queue.close(reason)
  }

  #reject(inbound: Inbound, error: MeshError): void {
    if (inbound.timeout === undefined) this.#host.dropped(inbound, error)
    inbound.refuse(error)
  }

  *#queues(): Iterable<ReceiverQueue | ResponderQueue> {
    yield* this.#receivers.values()
    yield* this.#responders.values()
    if (this.#receiver !== undefined) yield this.#receiver
  }
}

function taken(type: string): MeshError {
  return new MeshError('ERR_ALREADY_REGISTERED', `a handler for ${type} is registered already`)
}
