import type { Answered, WireMessage } from '../../../protocols/envelope/wire-message.ts'
import type { Due } from '../../core/delivery/deadlines.ts'
import type { StreamLink } from '../links/link.ts'
import type { PartReader } from './part-reader.ts'
import type { PartWindow } from './part-window.ts'

/** A request sent and not yet answered. */
export class ClientCall implements Due {
  readonly id: number
  readonly link: StreamLink
  /** What the reply correlates with. */
  readonly request: Answered
  at: number
  slot = -1
  settled = false
  /** Where the caller asked for a stream of parts. */
  reader: PartReader | undefined
  /** Where the request's data is a stream: what of it may be sent. */
  window: PartWindow | undefined
  readonly #resolvers = Promise.withResolvers<WireMessage>()

  constructor(link: StreamLink, id: number, request: Answered, at: number) {
    this.link = link
    this.id = id
    this.request = request
    this.at = at
  }

  /** Rejects as well when a stream fails, so that one place hears of the end. */
  get reply(): Promise<WireMessage> {
    return this.#resolvers.promise
  }

  resolve(message: WireMessage): void {
    this.#resolvers.resolve(message.answers(this.request))
  }

  reject(error: unknown): void {
    this.window?.close(error)
    if (this.reader !== undefined) this.reader.fail(error)
    else this.#resolvers.reject(error)
  }
}
