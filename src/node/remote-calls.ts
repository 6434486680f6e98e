import { copyFrom } from '../../protocols/envelope/copy.ts'
import type { WireMessage } from '../../protocols/envelope/wire-message.ts'
import type { MeshError } from '../../protocols/errors.ts'
import type { Lane } from '../../protocols/framing/constants.ts'
import { PROTOCOL } from '../../protocols/request-response/constants.ts'
import type { Template } from '../agent/templates.ts'
import type { Member } from '../core/routing/group.ts'
import type { Asker, ClientCall } from '../runtime/delivery/client-call.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import type { RequestResponse } from '../runtime/delivery/request-response.ts'
import { type Attempt, type CallerParts, type CallOptions, leave, streamOf } from './calling.ts'
import { laneFor } from './sending.ts'

/** Calls to agents of other nodes. They end with their links. */
export class RemoteCalls {
  readonly #parts: CallerParts

  constructor(parts: CallerParts) {
    this.#parts = parts
  }

  call(
    member: Member,
    template: Template,
    data: unknown,
    options: CallOptions,
    timeout: number | undefined,
    stream: boolean
  ): Attempt {
    const reply = Promise.withResolvers<WireMessage>()
    const asker: Asker = { replied: reply.resolve, failed: reply.reject }
    const call = this.send(member, template, data, options, timeout, stream, asker)
    return this.attempt(member, call, reply.promise)
  }

  /** The same for whoever wants no promise: `asker` hears of the one reply. */
  send(
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
    const draft = new Draft(template.attributes)
    composer.stamp(draft, template.attributes, options.particulars)
    composer.encode(draft, source === undefined ? data : undefined, composer.preferred)
    // Else only what certainly did not arrive is sent again.
    if (options.idempotent && draft.data === data) draft.data = copyFrom(draft.data, 0)
    const lane = source === undefined ? laneFor(template.lane, draft.data) : laneOfStream(template.lane)
    const link = links.to(member.target.place.peer, PROTOCOL, lane)
    composer.translate(draft, composer.formatFor(link))
    const call = requests.request(link, draft, asker, { timeout, stream, streamed: source !== undefined })
    if (source !== undefined) void this.#pump(call, template, source)
    return call
  }

  attempt(member: Member, call: ClientCall, reply: Promise<WireMessage> = NEVER): Attempt {
    return new RemoteAttempt(member, call, this.#parts.requests, reply)
  }

  /** Sends the request's own stream, at the pace of its reader. */
  async #pump(call: ClientCall, template: Template, source: AsyncIterable<unknown>): Promise<void> {
    const { requests, composer } = this.#parts
    try {
      const items = source[Symbol.asyncIterator]()
      // The source may have nothing to say for a long time, or ever again.
      call.window!.onClose = () => leave(items)
      for await (const item of { [Symbol.asyncIterator]: () => items }) {
        for (let wait = requests.room(call); wait !== undefined; wait = requests.room(call)) await wait
        if (call.settled) return
        requests.part(call, composer.compose(template.attributes, item, call.link))
      }
      requests.endParts(call)
    } catch (error) {
      requests.cancel(call, error)
    }
  }
}

const NEVER = new Promise<WireMessage>(() => {})

/** A stream may become large. */
function laneOfStream(lane: Lane): Lane {
  return lane === 'normal' ? 'bulk' : lane
}

class RemoteAttempt implements Attempt {
  readonly member: Member
  readonly reply: Promise<WireMessage>
  readonly #call: ClientCall
  readonly #requests: RequestResponse

  constructor(member: Member, call: ClientCall, requests: RequestResponse, reply: Promise<WireMessage>) {
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

  data(): unknown {
    return this.#call.data
  }

  transmitted(): boolean {
    return this.#call.link.attached
  }
}
