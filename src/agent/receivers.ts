import type { Message } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { MailboxLimits } from '../node/config-limits.ts'
import type { Alarm } from '../runtime/delivery/alarm.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import { ReceiveContext, type ReceiveHost } from './context.ts'
import { enter, isAsynchronous, leave, within } from './current.ts'
import { type ExactlyOnceHost, exactlyOnce } from './exactly-once.ts'
import type { Handling } from './handling.ts'
import { Mailbox, type MailboxHost } from './mailbox.ts'
import { mailboxOf, withoutMailbox } from './mailbox-options.ts'
import { isExactlyOnce } from './options.ts'
import type { HandlerOptions, Receiver } from './types.ts'

export interface ReceiverHost extends ExactlyOnceHost, ReceiveHost, MailboxHost {
  readonly limits: MailboxLimits
  /** Times out handlers. */
  readonly alarm: Alarm<ReceiveContext>
  /** Tells handlers that nobody waits for them any longer. */
  readonly handling: Handling
}

/**
 * One handler and its mailbox, in which messages stay in order, and at most `concurrency` of them being handled. Of the messages with one key at most one is.
 */
export class ReceiverQueue {
  readonly #handler: (message: Message, context: ReceiveContext) => unknown
  readonly #concurrency: number
  readonly #host: ReceiverHost
  readonly #mailbox: Mailbox
  readonly #busyKeys = new Set<string>()
  /** Taken from the queue while another with their key was being handled; counted, since the queue no longer bounds them. */
  readonly #late = new Map<string, Inbound[]>()
  #lateCount = 0
  /** Their key is theirs already, and the handler is busy: they are the next. */
  readonly #next: Inbound[] = []
  readonly #exactlyOnce: boolean
  #asynchronous: boolean
  #running = 0
  /** Handlers that have committed and are not over yet. */
  #tails = 0
  #draining = false

  /** `type`: of the messages; undefined for every type. */
  constructor(handler: Receiver, options: HandlerOptions, type: string | undefined, host: ReceiverHost) {
    this.#exactlyOnce = isExactlyOnce(options)
    this.#handler = this.#exactlyOnce ? exactlyOnce(handler, host) : handler
    this.#asynchronous = isAsynchronous(this.#handler)
    const { delivery: _, ...own } = withoutMailbox(options)
    this.#concurrency = concurrencyOf(own, 1)
    this.#host = host
    this.#mailbox = new Mailbox(mailboxOf(options, host.limits), type, host, () => this.#drain())
  }

  /** Messages waiting. */
  get length(): number {
    return this.#mailbox.length + this.#lateCount + this.#next.length
  }

  get running(): number {
    return this.#running
  }

  push(inbound: Inbound): void {
    if (this.#free) this.#start(inbound)
    else this.#mailbox.push(inbound)
  }

  /** What waits behind its key holds up nobody else's. */
  get #free(): boolean {
    return this.#mailbox.isEmpty && this.#next.length === 0 && this.#mayTake && !this.#draining
  }

  get #mayTake(): boolean {
    return this.#running < this.#concurrency && this.#lateCount < this.#host.limits.highWatermark
  }

  /** Refuses everything that waits. */
  close(reason: MeshError): void {
    for (const late of this.#late.values()) for (const inbound of late) this.#refuse(inbound, reason)
    this.#late.clear()
    this.#lateCount = 0
    for (const inbound of this.#next.splice(0)) this.#refuse(inbound, reason)
    this.#mailbox.close(reason)
  }

  /** Handles what waits until the handler is busy. */
  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    while (this.#running < this.#concurrency) {
      const next = this.#next.shift()
      if (next === undefined) break
      this.#work(next, next.message.routing?.key)
    }
    while (this.#mayTake) {
      const inbound = this.#mailbox.shift()
      if (inbound === undefined) break
      this.#start(inbound)
    }
    this.#draining = false
  }

  #start(inbound: Inbound): void {
    const key = this.#concurrency > 1 || this.#exactlyOnce ? inbound.message.routing?.key : undefined
    if (key !== undefined) {
      if (this.#busyKeys.has(key)) {
        inbound.detach()
        const late = this.#late.get(key)
        if (late === undefined) this.#late.set(key, [inbound])
        else late.push(inbound)
        this.#lateCount++
        return
      }
      this.#busyKeys.add(key)
    }
    this.#work(inbound, key)
  }

  /** Handles a message and those that wait behind its key, as far as their handler is over when its call is. */
  #work(first: Inbound, key: string | undefined): void {
    let next: Inbound | undefined = first
    while (next !== undefined && this.#run(next, key)) next = this.#behind(key)
  }

  /** Whether it is over already: its key, if it has one, is then to be released. */
  #run(inbound: Inbound, key: string | undefined): boolean {
    const expires = inbound.message.qos?.deadline
    if (expires !== undefined && this.#host.clock.now() > expires) {
      const error = new MeshError('ERR_TTL', 'the message outlived its time before it was handled')
      this.#refuse(inbound, error)
      return true
    }
    const context = new ReceiveContext(inbound, this.#host)
    let later: Promise<unknown> | undefined
    try {
      const result = this.#asynchronous
        ? within(inbound.message, () => this.#handler(inbound.message, context))
        : this.#call(inbound, context)
      // A promise stays itself; what only looks like one may throw when it is followed.
      if (isThenable(result)) later = Promise.resolve(result)
    } catch (error) {
      context.refuse(error, undefined, true)
      return true
    }
    if (later === undefined) {
      context.ack()
      return true
    }
    this.#asynchronous = true
    this.#follow(context, later, key)
    return false
  }

  /** It was not begun. Of what nobody acknowledges this is the only trace. */
  #refuse(inbound: Inbound, error: MeshError): void {
    if (inbound.timeout === undefined) this.#host.dropped(inbound, error)
    inbound.refuse(error)
  }

  #call(inbound: Inbound, context: ReceiveContext): unknown {
    const { message } = inbound
    const before = enter(message)
    try {
      return this.#handler(message, context)
    } finally {
      leave(before)
    }
  }

  /** An asynchronous handler: counted while it runs, and no longer than its time. */
  #follow(context: ReceiveContext, result: Promise<unknown>, key: string | undefined): void {
    this.#running++
    let over = false
    let tail = false
    const finish = (): void => {
      if (over) return
      over = true
      this.#host.alarm.remove(context)
      this.#host.handling.delete(context)
      if (tail) this.#tails--
      else this.#running--
      const next = this.#behind(key)
      // What has committed holds its key after its place among the running went to another.
      if (next !== undefined) {
        if (this.#running < this.#concurrency) this.#work(next, key)
        else this.#next.push(next)
      }
      this.#drain()
    }
    // What it has committed is seen by whoever comes next, so that one need not wait for the disk; its key it keeps.
    if (this.#exactlyOnce) {
      context.committed = () => {
        if (over || tail || this.#tails >= MOST_TAILS) return
        tail = true
        this.#tails++
        this.#running--
        this.#host.alarm.remove(context)
        this.#drain()
      }
    }
    this.#host.handling.add(context)
    this.#limit(context, finish)
    result.then(
      () => {
        if (!over) context.ack()
        finish()
      },
      (error: unknown) => {
        if (!over) context.refuse(error, undefined, true)
        finish()
      }
    )
  }

  #limit(context: ReceiveContext, finish: () => void): void {
    const { timeout } = context.inbound
    if (timeout === undefined) return
    const { alarm, clock } = this.#host
    context.at = clock.monotonic() + timeout
    alarm.add(context)
    context.renew = () => {
      alarm.remove(context)
      context.at = clock.monotonic() + timeout
      alarm.add(context)
    }
    context.late = () => {
      const error = new MeshError('ERR_TIMEOUT', `the handler took longer than ${timeout} ms`)
      context.refuse(error)
      context.abort(error)
      finish()
    }
  }

  /** The next message with this key, which goes on being handled; where there is none, the key is free. */
  #behind(key: string | undefined): Inbound | undefined {
    if (key === undefined) return undefined
    const late = this.#late.get(key)
    if (late === undefined) {
      this.#busyKeys.delete(key)
      return undefined
    }
    const next = late.shift()!
    this.#lateCount--
    if (late.length === 0) this.#late.delete(key)
    return next
  }
}

/** Commits of one handler on their way to disk: more wait their turn. A guess: one group of the store. */
const MOST_TAILS = 256

export function concurrencyOf(options: HandlerOptions, fallback: number): number {
  const { concurrency = fallback, delivery: _, ...unknown } = options
  const [key] = Object.keys(unknown)
  if (key !== undefined) throw new MeshError('ERR_CONFIG', `${key} is no option of a handler`, { details: { key } })
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new MeshError('ERR_CONFIG', 'concurrency is a whole number, at least 1', { details: { key: 'concurrency' } })
  }
  return concurrency
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
