import type { WireMessage } from '../../protocols/envelope/wire-message.ts'
import { MeshError, wasThrown } from '../../protocols/errors.ts'
import type { Template } from '../agent/templates.ts'
import type { Member } from '../core/routing/group.ts'
import { outcomeOf } from '../core/routing/outcome.ts'
import type { Asker, ClientCall } from '../runtime/delivery/client-call.ts'
import { type Attempt, type CallerParts, type CallOptions, streamOf } from './calling.ts'
import { leavable } from './leavable.ts'
import { LocalCalls } from './local-calls.ts'
import { RemoteCalls } from './remote-calls.ts'
import { aborted } from './waiting.ts'

/** Members tried for one request. */
const MOST_ATTEMPTS = 4

/** Brings requests to agents, and the replies back: whom to ask, and whether to ask another. */
export class Caller {
  readonly #parts: CallerParts
  readonly #local: LocalCalls
  readonly #remote: RemoteCalls
  #stopped = false

  constructor(parts: CallerParts) {
    this.#parts = parts
    this.#local = new LocalCalls(parts)
    this.#remote = new RemoteCalls(parts)
  }

  /** Calls to other nodes end with their links. */
  stop(): void {
    this.#stopped = true
    this.#local.stop()
  }

  request(template: Template, data: unknown, options: CallOptions): Promise<WireMessage> {
    const deadline = options.timeout === undefined ? undefined : this.#parts.clock.monotonic() + options.timeout
    const { router, links, self } = this.#parts
    const plain = options.signal === undefined && !this.#stopped && streamOf(data) === undefined
    // Chosen once: each choice counts as a probe of a circuit that is half open.
    const member = plain
      ? router.choose(template.name, template.attributes.type, links.turn.monotonic, options.wish)
      : undefined
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
    const { type } = template.attributes
    this.#parts.router.began(member, type)
    return new Promise((resolve, reject) => {
      const failed = (error: unknown, attempt: Attempt): void => {
        try {
          this.#failed(type, data, options, attempt, error, 1)
          resolve(this.#ask(template, attempt.data(), options, deadline, member, 2))
        } catch (final) {
          reject(final)
        }
      }
      const asker: Asker = {
        replied: (reply) => {
          this.#ended(member, type, undefined)
          resolve(reply)
        },
        failed: (error) => failed(error, this.#remote.attempt(member, call))
      }
      let call: ClientCall
      try {
        call = this.#remote.send(member, template, data, options, options.timeout, false, asker)
      } catch (error) {
        this.#ended(member, type, error)
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
      this.#ended(attempt.member, template.attributes.type, undefined)
      return reply
    } catch (error) {
      this.#failed(template.attributes.type, data, options, attempt, error, attempts)
      return this.#ask(template, attempt.data(), options, deadline, attempt.member, attempts + 1)
    }
  }

  /** Throws the error again unless another attempt may be made. */
  #failed(type: string, data: unknown, options: CallOptions, attempt: Attempt, error: unknown, attempts: number): void {
    this.#ended(attempt.member, type, error)
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
    const parts = attempt.parts!
    // Of a call until it is answered, however long it goes on then.
    let type: string | undefined = template.attributes.type
    let failure: unknown
    try {
      const first = await parts.next()
      if (first.done === true) return
      this.#parts.router.answered(attempt.member, type, this.#parts.links.turn.monotonic)
      type = undefined
      let left = true
      try {
        yield first.value
        left = false
      } finally {
        if (left) await parts.return?.()
      }
      yield* parts
    } catch (error) {
      failure = error
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
      this.#ended(attempt.member, type, failure)
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
    const { router, clock, resolver, composer, self } = this.#parts
    const { signal } = options
    if (signal?.aborted) throw aborted(signal)
    if (this.#stopped) throw new MeshError('ERR_STOPPED', 'the node is stopped')
    const left = (): number | undefined => (deadline === undefined ? undefined : deadline - clock.monotonic())
    const wish = avoid === undefined ? options.wish : { ...options.wish, avoid }
    const { type } = template.attributes
    let member = chosen ?? router.choose(template.name, type, clock.monotonic(), wish)
    let given = data
    if (member === undefined) {
      // What the caller changes while somebody is looked for is not sent.
      if (streamOf(data) === undefined) given = composer.copy(data)
      do {
        await resolver.resolve(template.name, type, wish, { timeout: left(), signal })
        member = router.choose(template.name, type, this.#parts.links.turn.monotonic, wish)
        // Whoever was called and finds no room waits again.
      } while (member === undefined && router.throttled(template.name, type, clock.monotonic(), wish))
      if (member === undefined) throw new MeshError('ERR_NO_RESPONDERS', `${template.name} cannot be reached as asked`)
    }
    router.began(member, type)
    try {
      const calls = member.target.place.peer === self ? this.#local : this.#remote
      return calls.call(member, template, given, options, left(), stream)
    } catch (error) {
      this.#ended(member, type, error)
      throw error
    }
  }

  /** `type`: undefined where an answer came before. */
  #ended(member: Member, type: string | undefined, error: unknown): void {
    const code = error === undefined ? undefined : ((error as MeshError).code ?? 'ERR_HANDLER')
    const { router, links } = this.#parts
    router.ended(member, type, outcomeOf(code, wasThrown(error)), links.turn.monotonic)
    if (error !== undefined) this.#parts.resolver.failed(member, error)
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
  if (wasThrown(error)) return false
  const { code } = error as MeshError
  if (code === 'ERR_NO_RESPONDERS') return true
  if (code !== 'ERR_LINK_CLOSED' && code !== 'ERR_PEER_UNREACHABLE') return false
  return options.idempotent || !attempt.transmitted()
}
