import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { PART_WINDOW } from '../../../protocols/request-response/constants.ts'

interface Part {
  message: WireMessage
  bytes: number
}

/**
 * The reader's side of one stream of parts: holds what came and was not read, never more than the window, and asks for
 * more as it is read. One reader; leaving the loop early cancels the stream.
 */
export class PartReader implements AsyncIterableIterator<WireMessage> {
  readonly #grant: (parts: number, bytes: number) => void
  readonly #cancel: () => void
  readonly #parts: Part[] = []
  #bytes = 0
  #readParts = 0
  #readBytes = 0
  #ended = false
  #failure: unknown
  #waiting: PromiseWithResolvers<IteratorResult<WireMessage>> | undefined

  constructor(grant: (parts: number, bytes: number) => void, cancel: () => void) {
    this.#grant = grant
    this.#cancel = cancel
  }

  /** Throws `ERR_PROTOCOL` for a part beyond the window. */
  push(message: WireMessage, bytes: number): void {
    if (this.#ended) return
    if (this.#parts.length >= PART_WINDOW.parts || (this.#bytes >= PART_WINDOW.bytes && this.#parts.length > 0)) {
      throw new MeshError('ERR_PROTOCOL', 'more parts than were asked for')
    }
    if (this.#waiting !== undefined) {
      this.#waiting.resolve({ done: false, value: message.detach() })
      this.#waiting = undefined
      this.#consumed(bytes)
      return
    }
    this.#parts.push({ message: message.detach(), bytes })
    this.#bytes += bytes
  }

  end(): void {
    this.#ended = true
    this.#waiting?.resolve({ done: true, value: undefined })
    this.#waiting = undefined
  }

  /** What came before is still read. */
  fail(error: unknown): void {
    if (this.#ended) return
    this.#failure = error
    this.#ended = true
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }

  next(): Promise<IteratorResult<WireMessage>> {
    const part = this.#parts.shift()
    if (part !== undefined) {
      this.#bytes -= part.bytes
      this.#consumed(part.bytes)
      return Promise.resolve({ done: false, value: part.message })
    }
    if (this.#ended) {
      const failure = this.#failure
      this.#failure = undefined
      return failure === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(failure)
    }
    this.#waiting = Promise.withResolvers()
    return this.#waiting.promise
  }

  return(): Promise<IteratorResult<WireMessage>> {
    if (!this.#ended) this.#cancel()
    this.#parts.length = 0
    this.#failure = undefined
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #consumed(bytes: number): void {
    this.#readParts++
    this.#readBytes += bytes
    if (this.#ended) return
    if (this.#readParts < PART_WINDOW.parts / 2 && this.#readBytes < PART_WINDOW.bytes / 2) return
    this.#grant(this.#readParts, this.#readBytes)
    this.#readParts = 0
    this.#readBytes = 0
  }
}
