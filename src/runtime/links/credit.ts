import { BATCH_BYTES, BATCH_FRAMES, INITIAL_CREDIT } from '../../../protocols/framing/constants.ts'
import type { Credit } from '../../../protocols/framing/messages.ts'

/**
 * The sender's side of credit: cumulative counts against cumulative limits, as QUIC's MAX_DATA (RFC 9000 §4.1).
 * Invariant: a batch leaves only while both counts are below their limits, so one batch or one frame may overshoot.
 */
export class SendCredit {
  #frames = 0
  #bytes = 0
  #limitFrames: number = INITIAL_CREDIT.frames
  #limitBytes: number = INITIAL_CREDIT.bytes

  get open(): boolean {
    return this.#frames < this.#limitFrames && this.#bytes < this.#limitBytes
  }

  /** Whether `frames` and `bytes` that wait to be sent leave room for more. */
  roomBeyond(frames: number, bytes: number): boolean {
    return this.#frames + frames < this.#limitFrames && this.#bytes + bytes < this.#limitBytes
  }

  spend(frames: number, bytes: number): void {
    this.#frames += frames
    this.#bytes += bytes
  }

  /** Limits never fall. */
  raise({ frames, bytes }: Credit): void {
    if (frames > this.#limitFrames) this.#limitFrames = frames
    if (bytes > this.#limitBytes) this.#limitBytes = bytes
  }
}

/** The receiver's side: what came, what was consumed, and when to grant more. */
export class ReceiveCredit {
  readonly #windowFrames: number
  readonly #windowBytes: number
  readonly #slackBytes: number
  #receivedFrames = 0
  #receivedBytes = 0
  #consumedFrames = 0
  #consumedBytes = 0
  #grantedFrames: number
  #grantedBytes: number

  /** `maxFrame`: a single frame may be larger than the window. */
  constructor(window: Credit, maxFrame: number) {
    this.#windowFrames = this.#grantedFrames = Math.max(window.frames, INITIAL_CREDIT.frames)
    this.#windowBytes = this.#grantedBytes = Math.max(window.bytes, INITIAL_CREDIT.bytes)
    this.#slackBytes = Math.max(maxFrame, BATCH_BYTES) + BATCH_BYTES
  }

  /** Frames received and not yet consumed. */
  get outstanding(): number {
    return this.#receivedFrames - this.#consumedFrames
  }

  /** Counted bytes received and not yet consumed. */
  get outstandingBytes(): number {
    return this.#receivedBytes - this.#consumedBytes
  }

  /** False when the peer has sent beyond its credit and the one batch that may overshoot it. */
  receive(bytes: number): boolean {
    this.#receivedFrames++
    this.#receivedBytes += bytes
    return (
      this.#receivedFrames <= this.#grantedFrames + BATCH_FRAMES &&
      this.#receivedBytes <= this.#grantedBytes + this.#slackBytes
    )
  }

  /** The new limits, once half a window has been consumed since the last grant. */
  consume(bytes: number): Credit | undefined {
    // A frame that cost nothing gives nothing back.
    if (this.#consumedFrames >= this.#receivedFrames) return undefined
    this.#consumedFrames++
    this.#consumedBytes += bytes
    const frames = this.#consumedFrames + this.#windowFrames
    const limit = this.#consumedBytes + this.#windowBytes
    if (frames - this.#grantedFrames < this.#windowFrames >> 1 && limit - this.#grantedBytes < this.#windowBytes >> 1) {
      return undefined
    }
    this.#grantedFrames = frames
    this.#grantedBytes = limit
    return { frames, bytes: limit }
  }
}
