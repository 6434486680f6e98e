import type { WireMessage } from '../../protocols/envelope/wire-message.ts'
import { MeshError } from '../../protocols/errors.ts'
import { PROTOCOL } from '../../protocols/request-response/constants.ts'
import type { Template } from '../agent/templates.ts'
import type { Member } from '../core/routing/group.ts'
import { outcomeOf } from '../core/routing/outcome.ts'
import type { Router, Wish } from '../core/routing/router.ts'
import { Alarm } from '../runtime/delivery/alarm.ts'
import type { Asker, ClientCall } from '../runtime/delivery/client-call.ts'
import { type Composer, Draft, type Particulars } from '../runtime/delivery/composer.ts'
import type { LocalBus } from '../runtime/delivery/local-bus.ts'
import { LocalCall } from '../runtime/delivery/local-call.ts'
import type { RequestResponse } from '../runtime/delivery/request-response.ts'
import type { Serve } from '../runtime/delivery/served-call.ts'
import type { LinkTable } from '../runtime/links/table.ts'
import type { Clock } from '../runtime/ports.ts'
import { BULK_BYTES } from './courier.ts'
import { leavable } from './leavable.ts'
import type { Resolver } from './resolver.ts'
import { aborted, bounded } from './waiting.ts'

export interface CallerParts {
  self: string
  clock: Clock
  links: LinkTable
  router: Router
  resolver: Resolver
  composer: Composer
  requests: RequestResponse
  bus: LocalBus
  serve: Serve
}

export interface CallOptions {
  particulars: Particulars | undefined
  wish: Wish | undefined
  /** ms; undefined: no deadline. */
  timeout: number | undefined
  signal: AbortSignal | undefined
  /** May run on another member although it was transmitted to one. */
  idempotent: boolean
}

/** One call on its way, wherever it is answered. */
interface Attempt {
  member: Member
  /** One reply; never settles where a stream was asked for. */
  reply: Promise<WireMessage>
  parts: AsyncIterableIterator<WireMessage> | undefined
  cancel(reason: MeshError): void
  /** False while it certainly has not left this node. */
  transmitted(): boolean
}

/** Members tried for one request. */
const MOST_ATTEMPTS = 4

/** Brings requests to agents, and the replies back. */
export class Caller {
  readonly #parts: CallerParts
  readonly #localDeadlines: Alarm<LocalCall>
  /** Calls between agents of this node. */
  readonly #local = new Set<LocalCall>()
  #stopped = false

  constructor(parts: CallerParts) {
    this.#parts = parts
    this.#localDeadlines = new Alarm(parts.clock, (call) =>
      call.cancel(new MeshError('ERR_TIMEOUT', 'no reply within the timeout'))
    )
  }

  /** Calls to other nodes end with their links. */
  stop(): void {
    this.#stopped = true
    this.#localDeadlines.stop()
    for (const call of [...this.#local]) call.cancel(new MeshError('ERR_STOPPED', 'the node is stopped'))
  }

  request(template: Template, data: unknown, options: CallOptions): Promise<WireMessage> {
    const deadline = options.timeout === undefined ? undefined : this.#parts.clock.monotonic() + options.timeout
    const { router, links, self } = this.#parts
    const plain = options.signal === undefined && !this.#stopped && streamOf(data) === undefined
    // Chosen once: each choice counts as a probe of a circuit that is half open.
    const member = plain ? router.choose(template.name, links.turn.monotonic, options.wish) : undefined
    return member === undefined || member.target.place.peer === self
      ? this.#ask(template, data, options, deadline, undefined, 1, member)
      : this.#askPlainly(member, template, data, options, deadline)
  }

  /** The request that most are: to another node, nothing to wait for before it leaves, nothing that may abort it. */
  #askPlainly(
    member: Member,
    template: Template,
    data: unknown,
    options: CallOptions,
    deadline: number | undefined
  ): Promise<WireMessage> {
    this.#parts.router.began(member)
    return new Promise((resolve, reject) => {
      const failed = (error: unknown, attempt: Attempt): void => {
        try {
          this.#failed(template, data, options, attempt, error, 1)
          resolve(this.#ask(template, data, options, deadline, member, 2))
        } catch (final) {
          reject(final)
        }
      }
      const asker: Asker = {
        replied: (reply) => {
          this.#ended(member, undefined)
          resolve(reply)
        },
        failed: (error) => failed(error, new RemoteAttempt(member, call, this.#parts.requests))
      }
      let call: ClientCall
      try {
        call = this.#send(member, template, data, options, options.timeout, false, asker)
      } catch (error) {
        this.#ended(member, error)
        reject(error)
      }
    })
  }

  async #ask(
    template: Template,
    data: unknown,
    options: CallOptions,
    deadline: number | undefined,
    avoid: Member | undefined,
    attempts: number,
    chosen?: Member
  ): Promise<WireMessage> {
    const attempt = await this.#begin(template, data, options, deadline, avoid, false, chosen)
    try {
      const reply = await follow(attempt, options.signal)
      this.#ended(attempt.member, undefined)
      return reply
    } catch (error) {
      this.#failed(template, data, options, attempt, error, attempts)
      return this.#ask(template, data, options, deadline, attempt.member, attempts + 1)
    }
  }

  /** Throws the error again unless another attempt may be made. */
  #failed(
    template: Template,
    data: unknown,
    options: CallOptions,
    attempt: Attempt,
    error: unknown,
    attempts: number
  ): void {
    this.#ended(attempt.member, error)
    if ((error as MeshError).code === 'ERR_NO_RESPONDERS') this.#parts.resolver.disown(template.name, attempt.member)
    // A stream of data was begun, and nobody can begin it again.
    const once = streamOf(data) !== undefined
    if (once || attempts >= MOST_ATTEMPTS || !mayTryAgain(error, attempt, options)) throw error
  }

  /** The parts as they come. Leaving the loop early cancels the remote handler. */
  stream(template: Template, data: unknown, options: CallOptions): AsyncIterableIterator<WireMessage, void> {
    return leavable(options.signal, (signal) => this.#stream(template, data, { ...options, signal }))
  }

  async *#stream(template: Template, data: unknown, options: CallOptions): AsyncGenerator<WireMessage, void> {
    const deadline = options.timeout === undefined ? undefined : this.#parts.clock.monotonic() + options.timeout
    const attempt = await this.#begin(template, data, options, deadline, undefined, true)
    const { signal } = options
    const abort = (): void => attempt.cancel(aborted(signal!))
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
    let failure: unknown
    try {
      yield* attempt.parts!
    } catch (error) {
      failure = error
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
      this.#ended(attempt.member, failure)
    }
  }

  async #begin(
    template: Template,
    data: unknown,
    options: CallOptions,
    deadline: number | undefined,
    avoid: Member | undefined,
    stream: boolean,
    chosen?: Member
  ): Promise<Attempt> {
    const { router, clock, resolver, self } = this.#parts
    const { signal } = options
    if (signal?.aborted) throw aborted(signal)
    if (this.#stopped) throw new MeshError('ERR_STOPPED', 'the node is stopped')
    const left = (): number | undefined => (deadline === undefined ? undefined : deadline - clock.monotonic())
    const wish = avoid === undefined ? options.wish : { ...options.wish, avoid }
    let member = chosen ?? router.choose(template.name, clock.monotonic(), wish)
    if (member === undefined) {
      await bounded(resolver.resolve(template.name, wish), clock, { timeout: left(), signal })
      member = router.choose(template.name, clock.monotonic(), wish)
      if (member === undefined) throw new MeshError('ERR_NO_RESPONDERS', `${template.name} cannot be reached as asked`)
    }
    router.began(member)
    try {
      return member.target.place.peer === self
        ? this.#callLocally(member, template, data, options, left(), stream)
        : this.#call(member, template, data, options, left(), stream)
    } catch (error) {
      this.#ended(member, error)
      throw error
    }
  }

  // ---- to another node ---------------------------------------------------------------------------------------------

  #call(
    member: Member,
    template: Template,
    data: unknown,
    options: CallOptions,
    timeout: number | undefined,
    stream: boolean
  ): Attempt {
    const reply = Promise.withResolvers<WireMessage>()
    const asker: Asker = { replied: reply.resolve, failed: reply.reject }
    const call = this.#send(member, template, data, options, timeout, stream, asker)
    return new RemoteAttempt(member, call, this.#parts.requests, reply.promise)
  }

  #send(
    member: Member,
    template: Template,
    data: unknown,
    options: CallOptions,
    timeout: number | undefined,
    stream: boolean,
    asker: Asker
  ): ClientCall {
    const { links, composer, requests } = this.#parts
    const source = streamOf(data)
    const large = data instanceof Uint8Array && data.length > BULK_BYTES
    const lane = template.lane === 'normal' && (large || source !== undefined) ? 'bulk' : template.lane
    const link = links.to(member.target.place.peer, PROTOCOL, lane)
    const draft = new Draft(template.attributes)
    composer.stamp(draft, template.attributes, options.particulars)
    composer.encode(draft, source === undefined ? data : undefined, composer.formatFor(link))
    const call = requests.request(link, draft, asker, { timeout, stream, streamed: source !== undefined })
    if (source !== undefined) void this.#pump(call, template, source)
    return call
  }

  /** Sends the request's own stream, at the pace of its reader. */
  async #pump(call: ClientCall, template: Template, source: AsyncIterable<unknown>): Promise<void> {
    const { requests, composer } = this.#parts
    try {
      for await (const item of source) {
        for (let wait = requests.room(call); wait !== undefined; wait = requests.room(call)) await wait
        if (call.settled) return
        requests.part(call, composer.compose(template.attributes, item, call.link))
      }
      requests.endParts(call)
    } catch (error) {
      requests.cancel(call, error)
    }
  }

  // ---- to this node ------------------------------------------------------------------------------------------------

  #callLocally(
    member: Member,
    template: Template,
    data: unknown,
    options: CallOptions,
    timeout: number | undefined,
    stream: boolean
  ): Attempt {
    const { composer, bus, self, serve, clock } = this.#parts
    const source = streamOf(data)
    const draft = new Draft(template.attributes)
    composer.stamp(draft, template.attributes, options.particulars)
    const message = composer.local(draft, source === undefined ? data : undefined)
    if (source !== undefined) message.carry(copies(source, composer))
    const due = timeout === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() + timeout
    const settled = (call: LocalCall): void => {
      this.#local.delete(call)
      this.#localDeadlines.remove(call)
    }
    const call = new LocalCall(message, self, stream, due, composer, bus, settled)
    this.#local.add(call)
    if (timeout !== undefined) this.#localDeadlines.add(call)
    bus.post(() => {
      if (!call.over) serve(call)
    })
    return {
      member,
      reply: call.answer,
      parts: call.reader,
      cancel: (reason) => call.cancel(reason),
      transmitted: () => true
    }
  }

  #ended(member: Member, error: unknown): void {
    const code = error === undefined ? undefined : ((error as MeshError).code ?? 'ERR_HANDLER')
    this.#parts.router.ended(member, outcomeOf(code), this.#parts.links.turn.monotonic)
  }
}

const NEVER = new Promise<WireMessage>(() => {})

class RemoteAttempt implements Attempt {
  readonly member: Member
  readonly reply: Promise<WireMessage>
  readonly #call: ClientCall
  readonly #requests: RequestResponse

  constructor(member: Member, call: ClientCall, requests: RequestResponse, reply: Promise<WireMessage> = NEVER) {
    this.member = member
    this.reply = reply
    this.#call = call
    this.#requests = requests
  }

  get parts(): AsyncIterableIterator<WireMessage> | undefined {
    return this.#call.reader
  }

  cancel(reason: MeshError): void {
    this.#requests.cancel(this.#call, reason)
  }

  transmitted(): boolean {
    return this.#call.link.attached
  }
}

async function follow(attempt: Attempt, signal: AbortSignal | undefined): Promise<WireMessage> {
  if (signal === undefined) return attempt.reply
  const abort = (): void => attempt.cancel(aborted(signal))
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  try {
    return await attempt.reply
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Nothing was executed, or may be executed twice. */
function mayTryAgain(error: unknown, attempt: Attempt, options: CallOptions): boolean {
  const { code } = error as MeshError
  if (code === 'ERR_NO_RESPONDERS') return true
  if (code !== 'ERR_LINK_CLOSED' && code !== 'ERR_PEER_UNREACHABLE') return false
  return options.idempotent || !attempt.transmitted()
}

function streamOf(data: unknown): AsyncIterable<unknown> | undefined {
  return typeof data === 'object' && data !== null && Symbol.asyncIterator in data
    ? (data as AsyncIterable<unknown>)
    : undefined
}

async function* copies(source: AsyncIterable<unknown>, composer: Composer): AsyncIterable<unknown> {
  for await (const item of source) yield composer.copy(item)
}
