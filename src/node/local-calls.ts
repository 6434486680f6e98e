import { MeshError } from '../../protocols/errors.ts'
import type { Template } from '../agent/templates.ts'
import { Roster } from '../core/delivery/roster.ts'
import type { Member } from '../core/routing/group.ts'
import { Alarm } from '../runtime/delivery/alarm.ts'
import { type Composer, Draft } from '../runtime/delivery/composer.ts'
import { LocalCall } from '../runtime/delivery/local-call.ts'
import { type Attempt, type CallerParts, type CallOptions, leave, streamOf } from './calling.ts'

/** Calls between agents of this node, and their deadlines. */
export class LocalCalls {
  readonly #parts: CallerParts
  readonly #open = new Roster<LocalCall>()
  readonly #deadlines: Alarm<LocalCall>

  constructor(parts: CallerParts) {
    this.#parts = parts
    this.#deadlines = new Alarm(parts.clock, (call) =>
      call.cancel(new MeshError('ERR_TIMEOUT', 'no reply within the timeout'))
    )
  }

  stop(): void {
    this.#deadlines.stop()
    for (const call of this.#open.values()) call.cancel(new MeshError('ERR_STOPPED', 'the node is stopped'))
  }

  call(
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
    const due = timeout === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() + timeout
    const call = new LocalCall(message, self, stream, due, composer, bus, this.#settled)
    if (source !== undefined) message.carry(copies(source, composer, call))
    this.#open.add(call)
    if (timeout !== undefined) this.#deadlines.add(call)
    bus.post(() => {
      if (!call.over) serve(call)
    })
    return {
      member,
      reply: call.answer,
      parts: call.reader,
      cancel: (reason) => call.cancel(reason),
      data: () => message.data,
      transmitted: () => true
    }
  }

  readonly #settled = (call: LocalCall): void => {
    this.#open.delete(call)
    this.#deadlines.remove(call)
  }
}

/** What the handler reads. A source that breaks is its owner's affair, as it is over a link: the handler hears only that. */
async function* copies(source: AsyncIterable<unknown>, composer: Composer, call: LocalCall): AsyncIterable<unknown> {
  try {
    const items = source[Symbol.asyncIterator]()
    call.onOver = () => leave(items)
    for await (const item of { [Symbol.asyncIterator]: () => items }) yield composer.copy(item)
  } catch (error) {
    const reason = new MeshError('ERR_ABORTED', 'the stream of the request broke')
    call.cancel(reason, error)
    throw reason
  }
}
