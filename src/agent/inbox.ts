import type { AttributeSet } from '../../protocols/envelope/attributes.ts'
import { MeshError } from '../../protocols/errors.ts'
import { BoundedQueue } from '../core/flow/queue.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import type { ServedCall } from '../runtime/delivery/served-call.ts'
import { type ReceiverHost, ReceiverQueue } from './receivers.ts'
import { type ResponderHost, ResponderQueue } from './responders.ts'
import type { HandlerOptions, Receiver, RequestHandler } from './types.ts'

export type InboxHost = ReceiverHost & ResponderHost & { attributes(type: string): AttributeSet }

/** Everything that comes to one instance of an agent, and who handles it. */
export class Inbox {
  readonly #host: InboxHost
  readonly #receivers = new Map<string, ReceiverQueue>()
  readonly #responders = new Map<string, ResponderQueue>()
  /** For messages of a type that nobody asked for by name. */
  #receiver: ReceiverQueue | undefined
  /** What came before the first handler of its kind: bounded, in order. */
  readonly #early: BoundedQueue<Inbound>
  readonly #earlyCalls: BoundedQueue<ServedCall>

  constructor(host: InboxHost) {
    this.#host = host
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
    const queue = new ReceiverQueue(handler, options, this.#host)
    if (type === undefined) {
      if (this.#receiver !== undefined) throw taken('every type')
      this.#receiver = queue
    } else {
      if (this.#receivers.has(type)) throw taken(type)
      this.#receivers.set(type, queue)
    }
    for (let inbound = this.#early.shift(); inbound !== undefined; inbound = this.#early.shift()) this.deliver(inbound)
  }

  handle(type: string, handler: RequestHandler, options: HandlerOptions): void {
    if (this.#responders.has(type)) throw taken(type)
    this.#responders.set(type, new ResponderQueue(handler, options, this.#host))
    for (let call = this.#earlyCalls.shift(); call !== undefined; call = this.#earlyCalls.shift()) this.serve(call)
  }

  deliver(inbound: Inbound): void {
    const queue = this.#receivers.get(inbound.message.type) ?? this.#receiver
    if (queue !== undefined) {
      queue.push(inbound)
    } else if (this.#receivers.size > 0 || this.#responders.size > 0) {
      this.#reject(inbound, new MeshError('ERR_NO_HANDLER', `${inbound.target} receives no ${inbound.message.type}`))
    } else {
      inbound.detach()
      if (this.#early.push(inbound, inbound.bytes)) inbound.release()
      else
        this.#reject(inbound, new MeshError('ERR_QUEUE_FULL', `${inbound.target} has no handler yet and a full queue`))
    }
  }

  serve(call: ServedCall): void {
    const queue = this.#responders.get(call.message.type) ?? this.#responders.get('*')
    if (queue !== undefined) queue.push(call)
    else if (this.#responders.size > 0 || this.#receiver !== undefined || this.#receivers.size > 0) {
      call.fail(new MeshError('ERR_NO_HANDLER', `${call.target} answers no ${call.message.type}`))
    } else if (!this.#earlyCalls.push(call, call.bytes)) {
      call.fail(new MeshError('ERR_QUEUE_FULL', `${call.target} has no handler yet and a full queue`))
    }
  }

  /** Refuses what waits; what is being handled goes on. */
  close(): void {
    const reason = new MeshError('ERR_NO_RESPONDERS', 'the agent is closed')
    for (let inbound = this.#early.shift(); inbound !== undefined; inbound = this.#early.shift()) inbound.refuse(reason)
    for (let call = this.#earlyCalls.shift(); call !== undefined; call = this.#earlyCalls.shift()) call.fail(reason)
    for (const queue of this.#queues()) queue.close(reason)
  }

  #reject(inbound: Inbound, error: MeshError): void {
    this.#host.dropped(inbound, error)
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
