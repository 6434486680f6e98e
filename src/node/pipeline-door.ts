import type { MeshError } from '../../protocols/errors.ts'

/** Where feeders wait for room, first come first served. While anybody waits, there is no room. */
export class PipelineDoor {
  readonly #room: () => boolean
  readonly #waiting = new Set<{ enter: () => void; refuse: (error: MeshError) => void }>()
  #closed: MeshError | undefined

  constructor(room: () => boolean) {
    this.#room = room
  }

  get waiting(): number {
    return this.#waiting.size
  }

  get closed(): MeshError | undefined {
    return this.#closed
  }

  /** Whether `pass` would go through at once. */
  get free(): boolean {
    return this.#closed === undefined && this.#waiting.size === 0 && this.#room()
  }

  /** Calls `enter` in the moment when there is room. Rejects with the signal's reason, or with what closed the door. */
  pass<T>(enter: () => T, signal?: AbortSignal): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (this.free) return Promise.resolve(enter())
    return new Promise((resolve, reject) => {
      const waiter = {
        enter: () => {
          signal?.removeEventListener('abort', abort)
          resolve(enter())
        },
        refuse: (error: MeshError) => {
          signal?.removeEventListener('abort', abort)
          reject(error)
        }
      }
      const abort = () => {
        this.#waiting.delete(waiter)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.add(waiter)
    })
  }

  /** There is room: lets in as many as fit. */
  open(): void {
    for (const waiter of this.#waiting) {
      if (!this.#room()) return
      this.#waiting.delete(waiter)
      waiter.enter()
    }
  }

  close(error: MeshError): void {
    this.#closed ??= error
    for (const waiter of this.#waiting) {
      this.#waiting.delete(waiter)
      waiter.refuse(this.#closed)
    }
  }
}
