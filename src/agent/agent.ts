import { cloneData } from '../../protocols/envelope/clone.ts'
import type { Message, Payload } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { CallOptions } from '../node/calling.ts'
import type { Evidence, PublishOptions, SubscribeOptions, Subscription } from '../runtime/pubsub/types.ts'
import type { AgentNode } from './agent-port.ts'
import { toEverybody } from './everybody.ts'
import type { Inbox } from './inbox.ts'
import {
  checkMessage,
  checkRequestOptions,
  checkSendOptions,
  checkWait,
  checkWaitKeys,
  isExactlyOnce,
  refuseProtection
} from './options.ts'
import { orderedParticulars, particularsOf } from './particulars.ts'
import type { Template, Templates } from './templates.ts'
import type {
  AgentState,
  HandlerOptions,
  MessageOptions,
  Receipt,
  Receiver,
  RequestHandler,
  RequestOptions,
  SendOptions,
  Target,
  WaitOptions
} from './types.ts'

/** One registration of an agent: what it is sent, and what it sends. */
export class Agent {
  readonly name: string
  readonly instance: string
  /**
   * What the agent remembers on this host, all its instances together: in the `dataDir`, else in memory. Handlers change it
   * by `ctx.commit`.
   *
   * @example
   * const total = (await planner.state.get('total')) ?? 0
   */
  readonly state: AgentState
  readonly #node: AgentNode
  readonly #inbox: Inbox
  readonly #sends: Templates
  readonly #requests: Templates
  /** Open ones; most agents have none. */
  #subscriptions: Set<Subscription> | undefined
  #closed = false
  #closing: Promise<void> | undefined

  constructor(
    name: string,
    instance: string,
    node: AgentNode,
    state: AgentState,
    inbox: Inbox,
    sends: Templates,
    requests: Templates
  ) {
    this.name = name
    this.instance = instance
    this.state = state
    this.#node = node
    this.#inbox = inbox
    this.#sends = sends
    this.#requests = requests
  }

  /**
   * Takes messages of one type, or of every type that has no handler of its own. Returning acknowledges, throwing asks
   * for redelivery. With `delivery: 'exactly-once'` the effect is what the handler gives `ctx.commit`, and it happens once;
   * see `HandlerOptions`. Throws `ERR_ALREADY_REGISTERED` for a second handler of a type, `ERR_CONFIG`.
   *
   * @example
   * planner.receive('order.placed', async (message, ctx) => store(message.data), { concurrency: 4 })
   *
   * @example
   * planner.receive(
   *   async (message, ctx) => {
   *     const count = (await ctx.state.get('count')) ?? 0
   *     await ctx.commit([{ type: 'put', key: 'count', value: count + 1 }])
   *   },
   *   { delivery: 'exactly-once' }
   * )
   */
  receive(handler: Receiver, options?: HandlerOptions): this
  receive(type: string, handler: Receiver, options?: HandlerOptions): this
  receive(
    typeOrHandler: string | Receiver,
    handlerOrOptions?: Receiver | HandlerOptions,
    options?: HandlerOptions
  ): this {
    const typed = typeof typeOrHandler === 'string'
    const handler = typed ? handlerOrOptions : typeOrHandler
    if (typeof handler !== 'function') throw new MeshError('ERR_CONFIG', 'receive takes a function')
    if (typeOrHandler === '') throw emptyType()
    const given = (typed ? options : (handlerOrOptions as HandlerOptions | undefined)) ?? {}
    this.#assertOpen()
    this.#inbox.receive(typed ? typeOrHandler : undefined, handler, given)
    return this
  }

  /**
   * Answers requests of one type, or of every other type as `'*'`. A generator answers with a stream.
   * Throws `ERR_ALREADY_REGISTERED` for a second handler of a type.
   *
   * @example
   * planner.handle('plan.make', async (message, ctx) => makePlan(message.data, ctx.signal))
   */
  handle(type: string, handler: RequestHandler, options: HandlerOptions = {}): this {
    if (typeof type !== 'string' || typeof handler !== 'function') {
      throw new MeshError('ERR_CONFIG', 'handle takes a type and a function')
    }
    if (type === '') throw emptyType()
    if (isExactlyOnce(options)) {
      throw new MeshError('ERR_CONFIG', 'a request is answered once or fails: delivery is for receive', {
        details: { key: 'delivery' }
      })
    }
    this.#assertOpen()
    this.#inbox.handle(type, handler, options)
    return this
  }

  /**
   * Sends a message to an agent, wherever it lives. At-most-once resolves when it was handed to the link, at-least-once
   * when the receiver's handler has returned, `durable` when it is on disk; `receipt.settled` is the end then. What is left
   * out, the message's type decides; see `SendOptions`.
   *
   * Rejects at once with `ERR_CONFIG` naming the key, `ERR_UNSUPPORTED`, `ERR_STOPPED`, `ERR_MESSAGE_TOO_LARGE`,
   * `ERR_UNREPRESENTABLE`, `ERR_INVALID_MESSAGE`, `ERR_ID_REUSED`, `ERR_NO_DATA_DIR`, `ERR_QUEUE_FULL`; where nobody takes it with
   * `ERR_NO_RESPONDERS`, `ERR_BACKPRESSURE` and `ERR_LINK_CLOSED` (at-most-once), `ERR_STORAGE` (not on disk); where it was given up
   * and is a dead letter with `ERR_MAX_RETRIES` (`ERR_COORDINATION_TIMEOUT` where the last attempt failed since the receiver's group had no majority), `ERR_TTL`, `ERR_NO_HANDLER`, `ERR_TERMINATED`; where the caller's own wait ended with
   * `ERR_TIMEOUT`, `ERR_ABORTED`.
   *
   * @example
   * const receipt = await planner.send('worker', { job: 7 }, { delivery: 'at-least-once' })
   */
  send(target: Target, data: unknown, options: SendOptions & { to: 'all' }): Promise<Receipt[]>
  send(target: Target, data: unknown, options?: SendOptions): Promise<Receipt>
  send(target: Target, data: unknown, options: SendOptions = NO_OPTIONS): Promise<Receipt | Receipt[]> {
    try {
      this.#assertOpen()
      const { to } = options
      if (to === undefined || to === 'one') return this.#send(target, data, options)
      if (to === 'all') return this.#sendToAll(target, data, options)
      throw new MeshError('ERR_CONFIG', `to must be 'one' or 'all'`, { details: { key: 'to' } })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** `place`: in the order of what goes to all. */
  #send(target: Target, data: unknown, options: SendOptions, place?: number): Promise<Receipt> {
    checkSendOptions(options)
    const template = this.#sends.for(target, options)
    const particulars =
      template.group === undefined
        ? particularsOf(this.#node, template, options)
        : orderedParticulars(this.#node, template, options, place)
    if (options.signal?.aborted)
      throw new MeshError('ERR_ABORTED', 'the caller aborted', { cause: options.signal.reason })
    return template.delivery === 'at-most-once'
      ? this.#node.post(template, data, particulars)
      : this.#node.ship(template, data, particulars)
  }

  #sendToAll(target: Target, data: unknown, options: SendOptions): Promise<Receipt[]> {
    const { to: _, ...rest } = options
    checkMessage(options)
    const template = this.#sends.for(target, rest)
    if (template.group === undefined) {
      return toEverybody(this.#node, target, options, (member) => this.#send(member, data, rest))
    }
    const kept = cloneData(data)
    const place = (): Promise<number> => this.#placeForAll(template, options)
    return toEverybody(this.#node, target, options, (member, number) => this.#send(member, kept, rest, number), place)
  }

  /** One number for all copies. */
  #placeForAll(template: Template, options: SendOptions): Promise<number> {
    const { id, key = '', timeout = Number.POSITIVE_INFINITY, signal } = options
    const place = this.#node.place(template, id, key, Math.min(timeout, template.timeout))
    return this.#node.bounded(place, { signal })
  }

  /**
   * Asks an agent and resolves with its reply. Rejects with what the handler threw, `ERR_NO_RESPONDERS` at once where
   * nobody has that name, `ERR_NO_HANDLER`, `ERR_OVERLOADED`, `ERR_CIRCUIT_OPEN`, `ERR_QUEUE_FULL` (beyond the handler's concurrency and the mailbox behind it,
   * 256 and 2,000 by default), `ERR_TTL` (it was not begun within its `ttl`), `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_LINK_CLOSED`.
   *
   * @example
   * const { data } = await planner.request('worker', { job: 7 }, { type: 'plan.make', timeout: 500 })
   */
  request(target: Target, data: unknown, options: RequestOptions = NO_OPTIONS): Promise<Message<Payload>> {
    try {
      checkRequestOptions(options)
      const template = this.#requests.for(target, options)
      return this.#node.request(template, data, this.#callOptions(template, options, this.#node.requestTimeout))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Asks an agent for a stream of replies. Leaving the loop early cancels the remote handler. `data` may itself be an
   * AsyncIterable: the handler reads `message.data` with `for await`. No timeout unless one is given.
   *
   * @example
   * for await (const part of planner.stream('worker', query, { type: 'plan.watch', signal })) use(part.data)
   */
  stream(target: Target, data: unknown, options: RequestOptions = NO_OPTIONS): AsyncIterable<Message<Payload>> {
    checkRequestOptions(options)
    const template = this.#requests.for(target, options)
    return this.#node.stream(template, data, this.#callOptions(template, options, undefined))
  }

  /**
   * Publishes to whoever subscribes to a pattern that the topic matches. With `waitFor` it resolves once so many
   * subscriptions were reached; the evidence says which. With `durable` it resolves once the message is on this node's disk
   * too, for durable subscriptions and those that begin in the past. Rejects with `ERR_TIMEOUT` (`details.evidence`),
   * `ERR_INVALID_TOPIC`, `ERR_INVALID_MESSAGE`, `ERR_CONFIG`, `ERR_NO_DATA_DIR`, `ERR_STORAGE`.
   *
   * @example
   * const evidence = await planner.publish('orders.eu.created', order, { waitFor: { subscribers: 2 }, timeout: 1_000 })
   */
  async publish(topic: string, data: unknown, options: PublishOptions & MessageOptions = {}): Promise<Evidence> {
    this.#assertOpen()
    refuseProtection(options)
    checkMessage(options)
    return this.#node.publish(this.name, topic, data, options)
  }

  /**
   * Subscribes to topics: `*` stands for one token, a trailing `>` for one or more. Await `ready` before relying on it.
   * With `delivery: 'at-least-once'` asking for the next message acknowledges the last, publishers wait for whoever is slow,
   * and a loop fails with `ERR_GAP` where messages of a publisher are missing; see `Subscription`. A `durable` one resumes
   * where it stopped, and `from` begins in the past. Throws `ERR_CONFIG`, `ERR_INVALID_TOPIC`, `ERR_LIMIT`, `ERR_NO_DATA_DIR`,
   * `ERR_ALREADY_REGISTERED`.
   *
   * @example
   * await using orders = planner.subscribe('orders.*.created', { filter: (m) => m.data.total > 100 })
   * await orders.ready
   * for await (const message of orders) …
   */
  subscribe(pattern: string, options: SubscribeOptions = {}): Subscription {
    this.#assertOpen()
    const open = (this.#subscriptions ??= new Set())
    const subscription = this.#node.subscribe(this.name, pattern, options, (closed) => open.delete(closed))
    open.add(subscription)
    return subscription
  }

  /**
   * Takes the agent off the mesh, and its subscriptions with it. What waits is refused, so that its senders try another
   * member. Resolves when the mesh was told; `timeout` (ms, default none) and `signal` bound the wait for that: `ERR_TIMEOUT`,
   * `ERR_ABORTED`. Safe to call twice.
   *
   * @example
   * await planner.close({ timeout: 1_000 })
   */
  async close(options: WaitOptions = {}): Promise<void> {
    checkWait(options)
    checkWaitKeys(options)
    this.#closing ??= this.#close()
    return this.#node.bounded(this.#closing, options)
  }

  async #close(): Promise<void> {
    this.#closed = true
    for (const subscription of this.#subscriptions ?? []) void subscription.close()
    await this.#node.closeAgent()
    this.#inbox.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #assertOpen(): void {
    if (this.#closed) throw new MeshError('ERR_STOPPED', `the agent ${this.name} is closed`)
  }

  #callOptions(template: Template, options: RequestOptions, fallback: number | undefined): CallOptions {
    this.#assertOpen()
    const { signal, timeout = fallback, idempotent = false } = options
    const particulars = particularsOf(this.#node, template, options)
    return { particulars, wish: particulars?.wish, timeout, signal, idempotent }
  }
}

function emptyType(): MeshError {
  return new MeshError('ERR_CONFIG', 'a type is a text that is not empty', { details: { key: 'type' } })
}

const NO_OPTIONS: Record<string, never> = Object.freeze({})
