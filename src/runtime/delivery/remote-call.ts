import type { AttributeSet } from '../../../protocols/envelope/attributes.ts'
import type { Outgoing } from '../../../protocols/envelope/outgoing.ts'
import { MAX_VARINT, writeVarint } from '../../../protocols/envelope/varint.ts'
import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { MeshError, toRemoteShape } from '../../../protocols/errors.ts'
import { COUNTED } from '../../../protocols/framing/constants.ts'
import { encodeNumber } from '../../../protocols/point-to-point/codec.ts'
import { encodeFail } from '../../../protocols/request-response/codec.ts'
import { Kind } from '../../../protocols/request-response/constants.ts'
import type { Due } from '../../core/delivery/deadlines.ts'
import type { Numbered } from '../../core/delivery/numbered.ts'
import type { StreamLink } from '../links/link.ts'
import type { Composer } from './composer.ts'
import type { PartReader } from './part-reader.ts'
import { PartWindow } from './part-window.ts'
import type { ServedCall } from './served-call.ts'

/** A request that came over a link, until it is answered. */
export class RemoteCall implements ServedCall, Due, Numbered {
  readonly number: number
  readonly link: StreamLink
  readonly message: WireMessage
  readonly stream: boolean
  readonly bytes: number
  /** The request's own stream of data, where it has one. */
  reader: PartReader | undefined
  at: number
  slot = -1
  over = false
  onCancel: (() => void) | undefined
  readonly #composer: Composer
  readonly #settled: (call: RemoteCall) => void
  #abort: AbortController | undefined
  #reason: unknown
  #window: PartWindow | undefined
  #holdsCredit = true

  constructor(
    link: StreamLink,
    number: number,
    message: WireMessage,
    stream: boolean,
    at: number,
    bytes: number,
    composer: Composer,
    settled: (call: RemoteCall) => void
  ) {
    this.link = link
    this.number = number
    this.message = message
    this.stream = stream
    this.at = at
    this.bytes = bytes
    this.#composer = composer
    this.#settled = settled
  }

  get target(): string {
    return this.message.attributes.routing?.target ?? ''
  }
  get instance(): string | undefined {
    return this.message.attributes.routing?.instance
  }
  get peer(): string {
    return this.link.peer
  }
  get deadline(): number | undefined {
    return this.at === Number.POSITIVE_INFINITY ? undefined : this.at
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.over) this.#abort.abort(this.reason)
    }
    return this.#abort.signal
  }

  /** Why the call is over; made when it is asked for, since most calls end well and nobody asks. */
  get reason(): unknown {
    return (this.#reason ??= new MeshError('ERR_ABORTED', 'the call is over'))
  }

  get window(): PartWindow {
    return (this.#window ??= new PartWindow())
  }

  release(): void {
    if (!this.#holdsCredit) return
    this.#holdsCredit = false
    if (!this.link.closed) this.link.consumed(this.bytes)
  }

  reply(attributes: AttributeSet, data: unknown): void {
    if (this.over) return
    writeMessage(this.link, Kind.reply, this.number, this.#composer.compose(attributes, data, this.link))
    this.finish()
  }

  part(attributes: AttributeSet, data: unknown): void {
    if (this.over) return
    const message = this.#composer.compose(attributes, data, this.link)
    this.window.spend(writeMessage(this.link, Kind.part, this.number, message))
  }

  room(): Promise<void> | undefined {
    return this.over ? undefined : room(this.#window, this.link)
  }

  end(): void {
    if (this.over) return
    this.link.sendInOrder(Kind.end, encodeNumber(this.number))
    this.finish()
  }

  fail(error: unknown, thrown = false): void {
    if (this.over) return
    const shape = { ...toRemoteShape(error), thrown }
    if (!this.link.closed) this.link.sendInOrder(Kind.fail, encodeFail(this.number, shape))
    this.finish()
  }

  /** Nobody waits any longer: stops whatever works on it. */
  cancel(reason: MeshError): void {
    if (this.over) return
    this.#reason = reason
    this.finish()
    this.#abort?.abort(reason)
    this.onCancel?.()
  }

  finish(): void {
    if (this.over) return
    this.over = true
    this.release()
    this.#window?.close(this.reason)
    this.reader?.fail(this.reason)
    this.#settled(this)
  }
}

/** Undefined where the link takes more and, of a stream, its reader too; else when to look again. */
export function room(window: PartWindow | undefined, link: StreamLink): Promise<void> | undefined {
  if (window?.open === false) return window.wait()
  return link.writable ? undefined : link.drained()
}

/** Writes a counted frame of call, header and data; returns the bytes of its body. */
export function writeMessage(link: StreamLink, kind: number, call: number, message: Outgoing): number {
  const bound = link.encoder.measure(message) + MAX_VARINT
  const start = link.begin(kind | COUNTED, bound)
  const at = writeVarint(link.buffer, start, call)
  const end = link.encoder.write(link.buffer, at, message)
  link.end(end, true)
  return end - start
}
