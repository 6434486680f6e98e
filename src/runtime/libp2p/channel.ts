import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { MeshError } from '../../../protocols/errors.ts'
import type { Channel } from '../ports.ts'
import { thriftyWindow } from './thrifty-window.ts'

const ignore = (): void => {}

/**
 * A libp2p stream as a Channel. What is unread waits in the stream, bounded by its window, and what a pause interrupted
 * here, bounded by the same; what is unsent is bounded by the owner, who honours `write() === false`.
 *
 * Reading begins when `onBytes` is set, so that nothing which came earlier is lost; an end which came earlier is told
 * as soon as `onClose` is set.
 */
export class StreamChannel implements Channel {
  readonly peer: string
  readonly protocol: string
  readonly direction: 'inbound' | 'outbound'
  onDrain: () => void = ignore
  readonly #stream: Stream
  readonly #closeTimeout: number
  #onBytes: (chunk: Uint8Array) => void = ignore
  #onClose: ((error?: Error) => void) | undefined
  #reading = false
  #paused = false
  /** Inside the stream's `resume`, which hands out bytes: a pause then is carried out once that has returned. */
  #resuming = false
  /** Pieces that the stream handed out together with the one at which the owner paused. */
  #held: Uint8Array[] = []
  /** `write` has returned false and `onDrain` is owed. */
  #full = false
  /** The peer has said that it sends no more: an end after this is in good order. */
  #peerFinished: boolean
  /** Closed before it was ours: no event will say so. */
  readonly #stillborn: boolean
  #closing: Promise<void> | undefined
  #over: { error: Error | undefined; told: boolean } | undefined

  constructor(stream: Stream, peer: string, closeTimeout: number, roundTrip: () => number | undefined) {
    this.#stream = stream
    thriftyWindow(stream, roundTrip)
    this.#closeTimeout = closeTimeout
    this.peer = peer
    this.protocol = stream.protocol
    this.direction = stream.direction
    this.#peerFinished = stream.remoteWriteStatus === 'closed' && stream.status !== 'reset'
    this.#stillborn = stream.status === 'closed'
    stream.addEventListener('drain', this.#drained)
    stream.addEventListener('close', this.#closed)
    stream.addEventListener('remoteCloseWrite', this.#finished)
    if (stream.status === 'reset' || stream.status === 'aborted') this.#finish(this.#lost())
  }

  get onBytes(): (chunk: Uint8Array) => void {
    return this.#onBytes
  }

  set onBytes(take: (chunk: Uint8Array) => void) {
    this.#onBytes = take
    if (this.#reading) return
    this.#reading = true
    this.#stream.addEventListener('message', this.#received)
    queueMicrotask(this.#closeWhenRead)
  }

  get onClose(): (error?: Error) => void {
    return this.#onClose ?? ignore
  }

  set onClose(tell: (error?: Error) => void) {
    this.#onClose = tell
    if (this.#over !== undefined) queueMicrotask(() => this.#tell())
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over !== undefined || this.#closing !== undefined) return true
    try {
      if (this.#stream.send(bytes)) return true
      this.#full = true
      return false
    } catch (error) {
      // The stream was closed under us: its own close event tells the owner.
      this.#stream.abort(error as Error)
      return true
    }
  }

  pause(): void {
    if (this.#over !== undefined) return
    this.#paused = true
    if (!this.#resuming && this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  resume(): void {
    if (!this.#paused || this.#over !== undefined) return
    this.#paused = false
    this.#handOut(this.#held.splice(0))
    if (this.#paused || this.#resuming) return
    if (this.#stream.readStatus === 'paused') this.#resumeStream()
    this.#closeWhenRead()
  }

  /** The stream grants its sender a new window even where its reader pauses meanwhile: so it is paused again, after. */
  #resumeStream(): void {
    this.#resuming = true
    try {
      this.#stream.resume()
    } catch (error) {
      this.#stream.abort(error as Error)
    } finally {
      this.#resuming = false
    }
    if (this.#paused && this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeBothWays()
    return this.#closing
  }

  abort(error: Error): void {
    this.#stream.abort(error)
    this.#finish(error)
  }

  async #closeBothWays(): Promise<void> {
    if (this.#over !== undefined) return
    const signal = AbortSignal.timeout(this.#closeTimeout)
    try {
      // A paused reader would never see the peer's end, and its owner wants no more bytes.
      this.#onBytes = ignore
      this.#reading = true
      this.#stream.addEventListener('message', ignore)
      this.resume()
      await this.#stream.close({ signal })
      await this.#untilOver(signal)
      // One that was closed when it was handed to us, its connection gone while it was negotiated, tells nobody any more.
      if (this.#stillborn) this.#finish(this.#lost())
    } catch (error) {
      this.#stream.abort(error as Error)
      this.#finish(error as Error)
    }
  }

  #untilOver(signal: AbortSignal): Promise<void> {
    if (this.#over !== undefined || this.#stream.status !== 'open') return Promise.resolve()
    return new Promise((resolve, reject) => {
      const done = () => {
        signal.removeEventListener('abort', late)
        resolve()
      }
      const late = () => reject(new MeshError('ERR_TIMEOUT', `Peer ${this.peer} did not close its side in time`))
      signal.addEventListener('abort', late, { once: true })
      this.#stream.addEventListener('close', done, { once: true })
    })
  }

  readonly #received = (event: StreamMessageEvent): void => {
    const data = event.data
    if (this.#paused) this.#held.push(...(data instanceof Uint8Array ? [data] : data))
    else if (data instanceof Uint8Array) this.#onBytes(data)
    else this.#handOut([...data])
    if (this.#peerFinished) queueMicrotask(this.#closeWhenRead)
  }

  #handOut(pieces: Uint8Array[]): void {
    let given = 0
    while (given < pieces.length && !this.#paused && this.#over === undefined) this.#onBytes(pieces[given++]!)
    if (given < pieces.length) this.#held = [...pieces.slice(given), ...this.#held]
  }

  /** The stream's own listener goes on sending what it holds in a microtask that was queued before ours. */
  readonly #drained = (): void => {
    if (this.#full) queueMicrotask(this.#drainedWholly)
  }

  readonly #drainedWholly = (): void => {
    const busy = this.#stream.writableNeedsDrain || this.#stream.writeBufferLength > 0
    if (!this.#full || busy || this.#over !== undefined) return
    this.#full = false
    this.onDrain()
  }

  readonly #finished = (): void => {
    this.#peerFinished = true
    if (this.#reading) queueMicrotask(this.#closeWhenRead)
  }

  /**
   * The peer is done and everything that it sent was handed out: we are done too. The stream's own 'end' event says
   * the same, but too early where the peer was done before the protocol was negotiated.
   */
  readonly #closeWhenRead = (): void => {
    const unread = this.#held.length > 0 || this.#stream.readBufferLength > 0
    if (this.#peerFinished && !unread && this.#over === undefined) void this.close()
  }

  readonly #closed = (event: StreamCloseEvent): void => {
    if (event.error !== undefined) this.#finish(this.#lost(event.error))
    else if (this.#peerFinished || this.#closing !== undefined) this.#finish(undefined)
    else this.#finish(this.#lost())
  }

  #lost(cause?: Error): Error {
    if (cause instanceof MeshError) return cause
    const why = cause === undefined ? 'the connection is gone' : cause.message
    return new MeshError('ERR_LINK_CLOSED', `The stream ${this.protocol} with ${this.peer} broke: ${why}`, { cause })
  }

  #finish(error: Error | undefined): void {
    if (this.#over !== undefined) return
    this.#over = { error, told: false }
    this.#held = []
    this.#tell()
  }

  #tell(): void {
    if (this.#over === undefined || this.#over.told || this.#onClose === undefined) return
    this.#over.told = true
    this.#onClose(this.#over.error)
  }
}
