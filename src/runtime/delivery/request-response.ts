import type { Outgoing } from '../../../protocols/envelope/outgoing.ts'
import { Cursor, MAX_VARINT, writeVarint } from '../../../protocols/envelope/varint.ts'
import { MeshError, RemoteError } from '../../../protocols/errors.ts'
import { COUNTED, LANES } from '../../../protocols/framing/constants.ts'
import { decodeNumber, encodeNumber } from '../../../protocols/point-to-point/codec.ts'
import { decodeFail, decodeMore, encodeMore } from '../../../protocols/request-response/codec.ts'
import { Kind, MAX_CALLS, PROTOCOL, RequestFlag } from '../../../protocols/request-response/constants.ts'
import { NumberedTable } from '../../core/delivery/numbered.ts'
import type { Random } from '../../core/machine.ts'
import type { StreamLink } from '../links/link.ts'
import type { Link, LinkHandler } from '../links/types.ts'
import type { Clock } from '../ports.ts'
import { Alarm } from './alarm.ts'
import { type Asker, ClientCall } from './client-call.ts'
import type { Composer, Draft } from './composer.ts'
import { PartReader } from './part-reader.ts'
import { PartWindow } from './part-window.ts'
import { RemoteCall, room, writeMessage } from './remote-call.ts'
import type { Serve } from './served-call.ts'

interface Calls {
  next: number
  /** Sent from here and not answered. */
  client: NumberedTable<ClientCall>
  /** Came from there and not answered. */
  server: NumberedTable<RemoteCall>
}

export interface RequestOptions {
  /** ms until the caller stops waiting; undefined: no deadline. */
  timeout: number | undefined
  /** The caller takes a stream of parts. */
  stream: boolean
  /** The request's data follows as parts. */
  streamed: boolean
}

/** The driver of `protocols/request-response`: many calls in flight on one stream, told apart by number. */
export class RequestResponse implements LinkHandler {
  readonly protocol = PROTOCOL
  readonly lanes = LANES
  readonly counted = new Set<number>([Kind.request, Kind.reply, Kind.part])
  readonly #clock: Clock
  readonly #random: Random
  readonly #composer: Composer
  readonly #serve: Serve
  readonly #alarm: Alarm<ClientCall | RemoteCall>
  readonly #cursor = new Cursor()

  constructor(clock: Clock, random: Random, composer: Composer, serve: Serve) {
    this.#clock = clock
    this.#random = random
    this.#composer = composer
    this.#serve = serve
    this.#alarm = new Alarm(clock, (call) => this.#late(call))
  }

  /** `asker` hears of the one reply; of a stream, the call's `reader` does. */
  request(link: StreamLink, message: Draft, asker: Asker, options: RequestOptions): ClientCall {
    const calls = this.#callsOf(link)
    const { timeout } = options
    const bound = link.encoder.measure(message) + 3 * MAX_VARINT
    let at = link.begin(Kind.request | COUNTED, bound)
    const id = calls.next++
    at = writeVarint(link.buffer, at, id)
    at = writeVarint(link.buffer, at, deadlineOf(timeout))
    link.buffer[at++] = (options.stream ? RequestFlag.stream : 0) | (options.streamed ? RequestFlag.streamed : 0)
    link.end(link.encoder.write(link.buffer, at, message), true)
    // Writing may have found out that the stream is gone, and then nobody would settle the call.
    if (link.closed) throw new MeshError('ERR_LINK_CLOSED', `the link to ${link.peer} closed`)

    const due = timeout === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonic() + timeout
    const call = new ClientCall(link, id, message, due, asker)
    if (options.stream) call.reader = this.#reader(link, id, () => this.cancel(call, cancelled()))
    if (options.streamed) call.window = new PartWindow()
    calls.client.add(call)
    if (timeout !== undefined) this.#alarm.add(call)
    return call
  }

  /** Undefined when a part of the request's own stream may be sent now; else when to look again. */
  room(call: ClientCall): Promise<void> | undefined {
    return call.settled ? undefined : room(call.window, call.link)
  }

  /** Sends one part of the request's own stream. */
  part(call: ClientCall, message: Outgoing): void {
    call.window!.spend(writeMessage(call.link, Kind.part, call.number, message))
  }

  /** The request's own stream is complete, or broke. */
  endParts(call: ClientCall): void {
    if (!call.settled && !call.link.closed) call.link.sendInOrder(Kind.end, encodeNumber(call.number))
  }

  /** The caller waits no longer; the remote handler's signal is aborted. */
  cancel(call: ClientCall, reason: unknown): void {
    if (!this.#settle(call)) return
    if (!call.link.closed) call.link.sendInOrder(Kind.cancel, encodeNumber(call.number))
    call.reject(reason)
  }

  stop(): void {
    this.#alarm.stop()
  }

  // ---- LinkHandler -------------------------------------------------------------------------------------------------

  frame(given: Link, kind: number, body: Uint8Array): void {
    const link = given as StreamLink
    const calls = this.#callsOf(link)
    const outbound = link.direction === 'outbound'
    switch (kind) {
      case Kind.request:
        if (outbound) throw new MeshError('ERR_PROTOCOL', 'a request on the reply way')
        this.#request(link, calls, body)
        break
      case Kind.reply:
        this.#reply(link, calls, body)
        break
      case Kind.part:
        this.#part(link, calls, body)
        break
      case Kind.fail: {
        const { call, error } = decodeFail(body)
        this.#end(calls, call, new RemoteError(error))
        break
      }
      case Kind.end: {
        const id = decodeNumber(body)
        if (outbound) this.#end(calls, id, undefined)
        else calls.server.get(id)?.reader?.end()
        break
      }
      case Kind.cancel:
        calls.server.get(decodeNumber(body))?.cancel(cancelled())
        break
      case Kind.more: {
        const { call, parts, bytes } = decodeMore(this.#cursor.open(body))
        const window = outbound ? calls.client.get(call)?.window : calls.server.get(call)?.window
        window?.raise(parts, bytes)
        break
      }
      default:
        throw new MeshError('ERR_PROTOCOL', `unknown frame of kind ${kind}`)
    }
  }

  closed(given: Link, error?: Error): void {
    const link = given as StreamLink
    const calls = link.state as Calls | undefined
    if (calls === undefined) return
    const reason = new MeshError('ERR_LINK_CLOSED', `the link to ${link.peer} closed before the reply`, {
      cause: error
    })
    for (const call of calls.client.values()) if (this.#settle(call)) call.reject(reason)
    for (const call of calls.server.values()) call.cancel(reason)
  }

  busy(link: Link): boolean {
    const calls = (link as StreamLink).state as Calls | undefined
    return calls !== undefined && calls.client.size + calls.server.size > 0
  }

  // ---- server ------------------------------------------------------------------------------------------------------

  #request(link: StreamLink, calls: Calls, body: Uint8Array): void {
    const cursor = this.#cursor.open(body)
    const id = cursor.varint()
    const timeout = cursor.varint()
    const flags = cursor.byte()
    const message = link.decoder.read(body, cursor.position).detach()
    if (calls.server.get(id) !== undefined) throw new MeshError('ERR_PROTOCOL', `call ${id} is open already`)
    if (calls.server.size >= MAX_CALLS) throw new MeshError('ERR_LIMIT', `more than ${MAX_CALLS} calls at once`)
    const due = timeout === 0 ? Number.POSITIVE_INFINITY : this.#clock.monotonic() + timeout
    const call = new RemoteCall(
      link,
      id,
      message,
      (flags & RequestFlag.stream) !== 0,
      due,
      body.length,
      this.#composer,
      this.#served
    )
    if ((flags & RequestFlag.streamed) !== 0) {
      call.reader = this.#reader(link, id, () => {})
      message.carry(values(call.reader))
    }
    calls.server.add(call)
    if (timeout !== 0) this.#alarm.add(call)
    this.#serve(call)
  }

  readonly #served = (call: RemoteCall): void => {
    this.#alarm.remove(call)
    this.#callsOf(call.link).server.delete(call.number)
  }

  // ---- client ------------------------------------------------------------------------------------------------------

  #reply(link: StreamLink, calls: Calls, body: Uint8Array): void {
    const cursor = this.#cursor.open(body)
    const call = calls.client.get(cursor.varint())
    const message = link.decoder.read(body, cursor.position)
    link.consumed(body.length)
    if (call === undefined || !this.#settle(call)) return
    if (call.reader !== undefined)
      call.reader.fail(new MeshError('ERR_PROTOCOL', 'one reply where a stream was asked for'))
    else call.resolve(message.detach())
  }

  #part(link: StreamLink, calls: Calls, body: Uint8Array): void {
    const cursor = this.#cursor.open(body)
    const id = cursor.varint()
    // Every header is read, whoever waits for it: the decoder's numbers depend on all of them.
    const message = link.decoder.read(body, cursor.position)
    link.consumed(body.length)
    const call = link.direction === 'outbound' ? calls.client.get(id) : calls.server.get(id)
    if (call instanceof ClientCall) message.answers(call)
    call?.reader?.push(message, body.length)
  }

  #end(calls: Calls, id: number, error: MeshError | undefined): void {
    const call = calls.client.get(id)
    if (call === undefined || !this.#settle(call)) return
    if (error !== undefined) call.reject(error)
    else if (call.reader !== undefined) call.reader.end()
    else call.reject(new MeshError('ERR_PROTOCOL', 'the stream ended without the one reply asked for'))
  }

  #settle(call: ClientCall): boolean {
    if (call.settled) return false
    call.settled = true
    // Whoever still feeds the request's own stream stops.
    call.window?.close(new MeshError('ERR_ABORTED', 'the call is over'))
    this.#callsOf(call.link).client.delete(call.number)
    this.#alarm.remove(call)
    return true
  }

  // ---- both --------------------------------------------------------------------------------------------------------

  #callsOf(link: StreamLink): Calls {
    return (link.state ??= this.#noCalls()) as Calls
  }

  #noCalls(): Calls {
    const entropy = this.#random() * 2 ** 32
    return { next: 0, client: new NumberedTable(entropy), server: new NumberedTable(entropy) }
  }

  #reader(link: StreamLink, call: number, cancel: () => void): PartReader {
    return new PartReader((parts, bytes) => {
      if (!link.closed) link.send(Kind.more, encodeMore({ call, parts, bytes }), false)
    }, cancel)
  }

  #late(call: ClientCall | RemoteCall): void {
    if (call instanceof RemoteCall) call.cancel(new MeshError('ERR_TIMEOUT', 'the deadline of the call has passed'))
    else this.cancel(call, new MeshError('ERR_TIMEOUT', 'no reply within the timeout'))
  }
}

/** As it is written: whole ms, 0 where there is none. */
function deadlineOf(timeout: number | undefined): number {
  return timeout === undefined || timeout === Number.POSITIVE_INFINITY ? 0 : Math.max(1, Math.ceil(timeout))
}

function cancelled(): MeshError {
  return new MeshError('ERR_ABORTED', 'the caller waits no longer')
}

async function* values(parts: PartReader): AsyncIterable<unknown> {
  for await (const part of parts) yield part.data
}
