import { decodeData } from '../../../protocols/envelope/data.ts'
import type { TraceContext } from '../../../protocols/envelope/message.ts'
import { type Answered, DATA_FORMATS, rootTrace, type WireMessage } from '../../../protocols/envelope/wire-message.ts'
import type { Due } from '../../core/delivery/deadlines.ts'
import type { Numbered } from '../../core/delivery/numbered.ts'
import type { StreamLink } from '../links/link.ts'
import type { Draft } from './composer.ts'
import type { PartReader } from './part-reader.ts'
import type { PartWindow } from './part-window.ts'

/** Who asked: hears of one reply, or of one failure. Not called where a stream was asked for. */
export interface Asker {
  replied(message: WireMessage): void
  failed(error: unknown): void
}

/** A request sent and not yet answered. Itself what its reply refers to. */
export class ClientCall implements Due, Numbered, Answered {
  readonly number: number
  readonly link: StreamLink
  at: number
  slot = -1
  settled = false
  /** Where the caller asked for a stream of parts. */
  reader: PartReader | undefined
  /** Where the request's data is a stream: what of it may be sent. */
  window: PartWindow | undefined
  readonly #asker: Asker
  readonly #draft: Draft
  #id: string | undefined

  constructor(link: StreamLink, number: number, draft: Draft, at: number, asker: Asker) {
    this.link = link
    this.number = number
    this.at = at
    this.#draft = draft
    this.#asker = asker
  }

  get id(): string {
    return (this.#id ??= this.#draft.idText)
  }

  /** The request's data as it was sent, decoded anew. */
  get data(): unknown {
    return decodeData(this.#draft.data, DATA_FORMATS[this.#draft.code])
  }

  get trace(): TraceContext {
    return this.#draft.trace ?? rootTrace(this.id, this.#draft.id === undefined)
  }

  resolve(message: WireMessage): void {
    this.#asker.replied(message.answers(this))
  }

  reject(error: unknown): void {
    this.window?.close(error)
    if (this.reader !== undefined) this.reader.fail(error)
    else this.#asker.failed(error)
  }
}
