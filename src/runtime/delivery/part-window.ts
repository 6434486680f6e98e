import { PART_WINDOW } from '../../../protocols/request-response/constants.ts'

/** The sender's side of one stream of parts: how much more the reader is ready to take. */
export class PartWindow {
  #parts: number = PART_WINDOW.parts
  #bytes: number = PART_WINDOW.bytes
  #open: PromiseWithResolvers<void> | undefined
  #failure: unknown
  /** Called once no more parts are wanted: whoever waits for the next one to send may stop. */
  onClose: (() => void) | undefined

  get open(): boolean {
    return this.#parts > 0 && this.#bytes > 0
  }

  spend(bytes: number): void {
    this.#parts--
    this.#bytes -= bytes
  }

  raise(parts: number, bytes: number): void {
    this.#parts += parts
    this.#bytes += bytes
    if (this.open) this.#open?.resolve()
  }

  /** Resolves when the next part may be sent; rejects once the stream was closed. */
  async wait(): Promise<void> {
    while (!this.open && this.#failure === undefined) {
      this.#open = Promise.withResolvers()
      await this.#open.promise
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  close(reason: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = reason
    this.#open?.resolve()
    this.onClose?.()
  }
}
