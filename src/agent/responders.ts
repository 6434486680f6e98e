import { isGeneratorObject } from 'node:util/types'
import type { AttributeSet } from '../../protocols/envelope/attributes.ts'
import type { Priority } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import { Overload, QUEUE_OVERLOAD } from '../core/flow/overload.ts'
import { BoundedQueue } from '../core/flow/queue.ts'
import type { MailboxLimits } from '../node/config-limits.ts'
import type { ServedCall } from '../runtime/delivery/served-call.ts'
import { CallContext, type ContextHost } from './context.ts'
import { enter, isAsynchronous, leave, within } from './current.ts'
import { concurrencyOf, isThenable } from './receivers.ts'
import type { HandlerOptions, RequestHandler } from './types.ts'

export interface ResponderHost extends ContextHost {
  readonly limits: MailboxLimits
  /** A request is not taken, since the queue for its handler never drains; returns the error to tell. */
  shed(peer: string, priority: Priority | undefined): MeshError
  /** A request found no room. */
  refused(peer: string): void
  /** What every reply of this agent to requests of that type has in common. */
  attributes(type: string): AttributeSet
}

/** Requests answered at once by one handler where it does not say: a guess, above any bench's in-flight window. */
const CONCURRENCY = 256

interface Waiting {
  readonly call: ServedCall
  /** Monotonic ms. */
  readonly since: number
}

/** One handler of requests: a bounded queue, and at most `concurrency` of them being answered. */
export class ResponderQueue {
  readonly #handler: RequestHandler
  readonly #concurrency: number
  readonly #host: ResponderHost
  readonly #queue: BoundedQueue<Waiting>
  #overload: Overload | undefined
  #asynchronous: boolean
  #running = 0

  constructor(handler: RequestHandler, options: HandlerOptions, host: ResponderHost) {
    this.#handler = handler
    this.#asynchronous = isAsynchronous(handler)
    this.#concurrency = concurrencyOf(options, CONCURRENCY)
    this.#host = host
    const { messages, bytes, highWatermark, lowWatermark } = host.limits
    this.#queue = new BoundedQueue({ highWatermark, lowWatermark, maxQueue: { messages, bytes } }, 'reject', () => {})
  }

  get length(): number {
    return this.#queue.length
  }

  get running(): number {
    return this.#running
  }

  push(call: ServedCall): void {
    if (this.#running < this.#concurrency) this.#run(call)
    else this.#enqueue(call)
  }

  #enqueue(call: ServedCall): void {
    const now = this.#host.clock.monotonic()
    const { priority } = call.message.routing ?? {}
    // What was seen of a queue that has drained says nothing of this one.
    if (this.#queue.length === 0) this.#overload?.idle(now)
    else if (this.#overload?.sheds(priority)) {
      call.fail(this.#host.shed(call.peer, priority))
      return
    }
    if (!this.#queue.push({ call, since: now }, call.bytes)) {
      this.#host.refused(call.peer)
      call.fail(new MeshError('ERR_QUEUE_FULL', `${this.#queue.length} requests wait for ${call.target} already`))
    }
  }

  close(reason: MeshError): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next.call.fail(reason)
  }

  #run(call: ServedCall): void {
    call.release()
    if (call.over) return
    const expires = call.message.qos?.deadline
    if (expires !== undefined && this.#host.clock.now() > expires) {
      call.fail(new MeshError('ERR_TTL', 'the request outlived its time before it was handled'))
      return
    }
    // Generators and continuations run in here too, so that what they send follows from the request.
    if (this.#asynchronous) {
      within(call.message, () => this.#answer(call))
      return
    }
    const before = enter(call.message)
    this.#answer(call)
    leave(before)
  }

  #answer(call: ServedCall): void {
    let work: PromiseLike<void> | undefined
    try {
      const result = this.#handler(call.message, new CallContext(call, this.#host))
      if (isThenable(result)) {
        this.#asynchronous = true
        work = result.then((value) => this.#respond(call, value))
      } else {
        if (streamOf(result) !== undefined) this.#asynchronous = true
        work = this.#respond(call, result)
      }
    } catch (error) {
      call.fail(error, true)
      return
    }
    if (work !== undefined) this.#occupy(work, call)
  }

  /** Counts a call while it is worked on; a handler that ignores its signal stops counting when its call is over. */
  #occupy(work: PromiseLike<void>, call: ServedCall): void {
    this.#running++
    let over = false
    const finish = (): void => {
      if (over) return
      over = true
      this.#running--
      this.#drain()
    }
    work.then(finish, (error: unknown) => {
      call.fail(error, true)
      finish()
    })
    const before = call.onCancel
    call.onCancel = () => {
      before?.()
      finish()
    }
  }

  #drain(): void {
    while (this.#running < this.#concurrency) {
      const next = this.#queue.shift()
      if (next === undefined) return
      const now = this.#host.clock.monotonic()
      this.#overload ??= new Overload(QUEUE_OVERLOAD)
      this.#overload.observe(now - next.since, now)
      this.#run(next.call)
    }
  }

  #respond(call: ServedCall, value: unknown): Promise<void> | undefined {
    const parts = streamOf(value)
    if (parts !== undefined) return this.#stream(call, parts)
    // A client that is slow to read keeps its replies here, unwritten: they count as running, and hold up its requests.
    if (call.room() !== undefined) return this.#replyLater(call, value)
    this.#reply(call, value)
    return undefined
  }

  async #replyLater(call: ServedCall, value: unknown): Promise<void> {
    for (let wait = call.room(); wait !== undefined; wait = call.room()) await wait
    this.#reply(call, value)
  }

  #reply(call: ServedCall, value: unknown): void {
    if (call.over) return
    const attributes = this.#host.attributes(call.message.type)
    try {
      if (call.stream) {
        call.part(attributes, value)
        call.end()
      } else {
        call.reply(attributes, value)
      }
    } catch (error) {
      // The reply could not be sent: no word of the handler's.
      call.fail(error)
    }
  }

  async #stream(call: ServedCall, parts: AsyncIterable<unknown>): Promise<void> {
    const iterator = parts[Symbol.asyncIterator]()
    // Not awaited: a handler may sit in an await of its own and never come back.
    const quit = (): void => void (async () => iterator.return?.())().catch(() => {})
    if (!call.stream) {
      quit()
      throw new MeshError(
        'ERR_UNSUPPORTED',
        `${call.message.type} answers with a stream: ask for one (stream(), --stream)`
      )
    }
    // Its caller may have left before the handler came with its stream.
    if (call.over) {
      quit()
      return
    }
    const before = call.onCancel
    call.onCancel = () => {
      before?.()
      quit()
    }
    const attributes = this.#host.attributes(call.message.type)
    for (;;) {
      const { done, value } = await iterator.next()
      if (call.over) return
      if (done === true) break
      try {
        for (let wait = call.room(); wait !== undefined; wait = call.room()) await wait
        call.part(attributes, value)
      } catch (error) {
        quit()
        call.fail(error)
        return
      }
    }
    call.end()
  }
}

/** The replies of a handler that gives many: an async iterable, or what a generator makes. An array is one reply. */
function streamOf(value: unknown): AsyncIterable<unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (Symbol.asyncIterator in value) return value as AsyncIterable<unknown>
  if (Symbol.iterator in value && isGeneratorObject(value)) return awaited(value as Iterable<unknown>)
  return undefined
}

async function* awaited(parts: Iterable<unknown>): AsyncGenerator<unknown> {
  yield* parts
}
