import type { OutgoingStamp } from '../../../protocols/causality/messages.ts'
import type { AttributeSet } from '../../../protocols/envelope/attributes.ts'
import { cloneData } from '../../../protocols/envelope/clone.ts'
import { decodeData, encodeData } from '../../../protocols/envelope/data.ts'
import { formatId, type IdSource } from '../../../protocols/envelope/id.ts'
import { isBytes } from '../../../protocols/envelope/kinds.ts'
import type { TraceContext } from '../../../protocols/envelope/message.ts'
import { DataCode, type Extra, type Outgoing } from '../../../protocols/envelope/outgoing.ts'
import { DATA_FORMATS, nextSpan, WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { StreamLink } from '../links/link.ts'

/** What a sender says of one message beside its attribute set. */
export interface Particulars {
  /** The caller's own id. */
  id: string | undefined
  /** The trace of whatever this message follows from. */
  parent: TraceContext | undefined
  extra: Extra | undefined
}

/** Wall-clock ms. */
export interface WallTime {
  readonly wall: number
}

export type LinkFormat = 'messagepack' | 'json'

const EMPTY = new Uint8Array(0)

/** An outgoing message that is kept: until it is acknowledged, or until its reply has come. */
export class Draft implements Outgoing {
  attributes: AttributeSet
  id: string | undefined
  ms = 0
  counter = 0
  time: string | undefined
  trace: TraceContext | undefined
  extra: Extra | undefined
  stamp: OutgoingStamp | undefined
  code: DataCode = DataCode.none
  data: Uint8Array = EMPTY

  constructor(attributes: AttributeSet) {
    this.attributes = attributes
  }

  /** A draft of what was composed before, as it was kept. */
  static of(message: Outgoing): Draft {
    return Object.assign(new Draft(message.attributes), message)
  }

  /** The id as text, whoever made it. */
  get idText(): string {
    return this.id ?? formatId(this.ms, this.counter, this.attributes.lineage!)
  }
}

/** A message to many, encoded once: its data stays as it was when it was published. */
export class PublishedMessage extends WireMessage {
  readonly draft: Draft

  constructor(draft: Draft) {
    const time = draft.time === undefined ? draft.ms : Date.parse(draft.time)
    const extra = draft.trace === undefined ? draft.extra : { ...draft.extra, ...draft.trace }
    super(draft.attributes, draft.id, draft.ms, draft.counter, time, extra, draft.data, -1, 0, draft.code)
    this.draft = draft
  }
}

/** Fills in what a message has of its own (id, time, trace) and writes its data in the format of its way. */
export class Composer {
  readonly #ids: IdSource
  readonly #time: WallTime
  readonly preferred: LinkFormat
  readonly #messageBytes: number
  readonly #scratch = new Draft({ source: '-', type: '-' })

  /** `messageBytes`: data that takes more as written is refused. Default: no bound. */
  constructor(ids: IdSource, time: WallTime, formats: readonly LinkFormat[], messageBytes = Number.POSITIVE_INFINITY) {
    this.#messageBytes = messageBytes
    this.#ids = ids
    this.#time = time
    this.preferred = formats[0] ?? 'messagepack'
  }

  /** Names the ids that this node makes. */
  get lineage(): string {
    return this.#ids.lineage
  }

  /** A message that is written at once: the same object at each call. */
  compose(attributes: AttributeSet, data: unknown, link: StreamLink, particulars?: Particulars): Outgoing {
    const draft = this.#scratch
    this.stamp(draft, attributes, particulars)
    this.encode(draft, data, this.formatFor(link))
    return draft
  }

  /** Gives a draft its id and trace. */
  stamp(draft: Draft, attributes: AttributeSet, particulars?: Particulars): void {
    const now = this.#time.wall
    this.#ids.next(now)
    draft.attributes = attributes
    draft.ms = this.#ids.ms
    draft.counter = this.#ids.counter
    if (particulars === undefined) {
      draft.id = draft.time = draft.trace = draft.extra = undefined
      return
    }
    const { id, parent } = particulars
    draft.id = id
    draft.time = id === undefined ? undefined : new Date(now).toISOString()
    draft.trace =
      parent === undefined ? undefined : nextSpan(parent, formatId(draft.ms, draft.counter, this.#ids.lineage), true)
    draft.extra = particulars.extra
  }

  encode(draft: Draft, data: unknown, format: LinkFormat): void {
    if (data === undefined) {
      draft.code = DataCode.none
      draft.data = EMPTY
    } else if (typeof data === 'object' && data !== null && isBytes(data)) {
      draft.code = DataCode.bytes
      draft.data = data
    } else {
      draft.code = DataCode[format]
      draft.data = encodeData(data, format)
    }
    this.#bound(draft.data.length)
  }

  #bound(bytes: number): void {
    if (bytes > this.#messageBytes) {
      throw new MeshError('ERR_MESSAGE_TOO_LARGE', `a message of ${bytes} bytes; send larger data as a stream`)
    }
  }

  /** Bytes that the data takes in the preferred format. */
  sizeOf(data: unknown): number {
    this.encode(this.#scratch, data, this.preferred)
    return this.#scratch.data.length
  }

  /** Rewrites data that was encoded before its way was known. */
  translate(draft: Draft, format: LinkFormat): void {
    if (draft.code === DataCode.none || draft.code === DataCode.bytes || draft.code === DataCode[format]) return
    this.encode(draft, decodeData(draft.data, DATA_FORMATS[draft.code]), format)
  }

  /** The format of data for the peer at the other end: ours, unless it said that it does not speak it. */
  formatFor(link: StreamLink): LinkFormat {
    const theirs = link.remote?.formats
    if (theirs === undefined || theirs.includes(this.preferred)) return this.preferred
    return theirs.includes('messagepack') ? 'messagepack' : 'json'
  }

  /**
   * The message as an agent on this node receives it: its data is a copy that nobody else holds. Only bytes are measured
   * against `messageBytes`: nothing else is written, and a count in the copying walk would cost every local message.
   */
  local(draft: Draft, data: unknown): WireMessage {
    if (data instanceof Uint8Array) this.#bound(data.length)
    const message = this.#envelope(draft)
    message.carry(cloneData(data))
    return message
  }

  /** One value, as a receiver on this node gets it. */
  copy(value: unknown): unknown {
    return cloneData(value)
  }

  /** The same from data that was encoded, decoded anew at each call. */
  copied(draft: Draft): WireMessage {
    const message = this.#envelope(draft)
    message.carry(decodeData(Uint8Array.prototype.slice.call(draft.data), DATA_FORMATS[draft.code]))
    return message
  }

  #envelope(draft: Draft): WireMessage {
    const { trace } = draft
    const time = draft.time === undefined ? draft.ms : Date.parse(draft.time)
    const extra = trace === undefined ? draft.extra : { ...draft.extra, ...trace }
    return new WireMessage(draft.attributes, draft.id, draft.ms, draft.counter, time, extra, EMPTY, -1, 0, 0)
  }
}
