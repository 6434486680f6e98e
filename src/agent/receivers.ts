import type { Message } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import { BoundedQueue } from '../core/flow/queue.ts'
import type { MailboxLimits } from '../node/config-limits.ts'
import type { Alarm } from '../runtime/delivery/alarm.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import { PausedSenders } from '../runtime/delivery/paused-senders.ts'
import { ReceiveContext } from './context.ts'
import { enter, isAsynchronous, leave, within } from './current.ts'
import { type ExactlyOnceHost, exactlyOnce } from './exactly-once.ts'
import type { Handling } from './handling.ts'
import { isExactlyOnce } from './options.ts'
import type { HandlerOptions, Receiver } from './types.ts'

export interface ReceiverHost extends ExactlyOnceHost {
  readonly limits: MailboxLimits
  /** Times out handlers. */
  readonly alarm: Alarm<ReceiveContext>
  /** Tells handlers that nobody waits for them any longer. */
  readonly handling: Handling
  /** The agent's queue passed its high watermark. */
  slow(queued: number): void
  /** A message that nobody acknowledges failed in its handler, or found no room. */
  dropped(inbound: Inbound, error: unknown): void
}

/**
 * One handler and what waits for it: a bounded queue in which messages stay in order, and at most `concurrency` of
 * them being handled. Of the messages with one key at most one is.
 */
export class ReceiverQueue {
  readonly #handler: (message: Message, context: ReceiveContext) => unknown
  readonly #concurrency: number
  readonly #host: ReceiverHost
  readonly #queue: BoundedQueue<Inbound>
  /** What came when the queue was full: it still fills its sender's window, which bounds it. */
  readonly #overflow: Inbound[] = []
  readonly #paused = new PausedSenders()
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

  constructor(handler: Receiver, options: HandlerOptions, host: ReceiverHost) {
    this.#exactlyOnce = isExactlyOnce(options)
    this.#handler = this.#exactlyOnce ? exactlyOnce(handler, host) : handler
    this.#asynchronous = isAsynchronous(this.#handler)
    this.#concurrency = concurrencyOf(options, 1)
    this.#host = host
    const { messages, bytes, highWatermark, lowWatermark } = host.limits
    this.#queue = new BoundedQueue({ highWatermark, lowWatermark, maxQueue: { messages, bytes } }, 'reject', () => {})
  }

  /** Messages waiting. */
  get length(): number {
    return this.#queue.length + this.#overflow.length + this.#lateCount + this.#next.length
  }

  get running(): number {
    return this.#running
  }

  push(inbound: Inbound): void {
    if (this.#free) this.#start(inbound)
    else this.#enqueue(inbound)
  }

  /** What waits behind its key holds up nobody else's. */
  get #free(): boolean {
    const waiting = this.#queue.length + this.#overflow.length + this.#next.length
    return waiting === 0 && this.#mayTake && !this.#draining
  }

  get #mayTake(): boolean {
    return this.#running < this.#concurrency && this.#lateCount < this.#host.limits.highWatermark
  }

  /** Refuses everything that waits. */
  close(reason: MeshError): void {
    for (const late of this.#late.values()) for (const inbound of late) inbound.refuse(reason)
    this.#late.clear()
    this.#lateCount = 0
    for (const inbound of this.#next.splice(0)) inbound.refuse(reason)
    for (let inbound = this.#take(); inbound !== undefined; inbound = this.#take()) inbound.refuse(reason)
    this.#paused.resume()
  }

  #enqueue(inbound: Inbound): void {
    inbound.detach()
    if (this.#overflow.length === 0 && this.#queue.push(inbound, inbound.bytes)) {
      inbound.release()
    } else if (inbound.bounded) {
      this.#overflow.push(inbound)
    } else {
      const error = new MeshError('ERR_QUEUE_FULL', `${this.length} messages wait for ${inbound.target} already`)
      this.#host.dropped(inbound, error)
      inbound.refuse(error)
      return
    }
    if (!this.#queue.pressed) return
    if (this.#paused.size === 0) this.#host.slow(this.length)
    inbound.pause(this.#paused)
  }

  #take(): Inbound | undefined {
    const inbound = this.#queue.shift() ?? this.#overflow.shift()
    while (this.#overflow.length > 0 && this.#queue.push(this.#overflow[0]!, this.#overflow[0]!.bytes)) {
      this.#overflow.shift()!.release()
    }
    if (!this.#queue.pressed) this.#paused.resume()
    return inbound
  }

  /** Handles what waits until the handler is busy. */
  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    while (this.#running < this.#concurrency) {
      const next = this.#next.shift()
      if (next === undefined) break
      this.#run(next, next.message.routing?.key)
    }
    while (this.#mayTake) {
      const inbound = this.#take()
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
    this.#run(inbound, key)
  }

  #run(inbound: Inbound, key: string | undefined): void {
    const expires = inbound.message.qos?.deadline
    if (expires !== undefined && this.#host.clock.now() > expires) {
      const error = new MeshError('ERR_TTL', 'the message outlived its time before it was handled')
      this.#host.dropped(inbound, error)
      inbound.refuse(error)
      this.#released(key)
      return
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
      this.#failed(context, error)
      this.#released(key)
      return
    }
    if (later !== undefined) {
      this.#asynchronous = true
      this.#follow(context, later, key)
    } else {
      context.ack()
      if (key !== undefined) this.#released(key)
    }
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
      this.#released(key)
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
        if (!over) this.#failed(context, error)
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

  #failed(context: ReceiveContext, error: unknown): void {
    if (context.inbound.timeout === undefined && !context.settled) this.#host.dropped(context.inbound, error)
    context.refuse(error, undefined, true)
  }

  /** The next message with this key may be handled. */
  #released(key: string | undefined): void {
    if (key === undefined) return
    this.#busyKeys.delete(key)
    const late = this.#late.get(key)
    if (late === undefined) return
    const next = late.shift()!
    this.#lateCount--
    if (late.length === 0) this.#late.delete(key)
    this.#busyKeys.add(key)
    // What has committed holds its key after its place among the running went to another.
    if (this.#running < this.#concurrency) this.#run(next, key)
    else this.#next.push(next)
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
