import { MeshError } from '../../../protocols/errors.ts'

export interface Waiting {
  topic: string
  size: number
  /** Hands the message over. */
  go(): void
  fail(error: unknown): void
  /** Gave up while it waited. */
  cancelled: boolean
}

/** Publications that cannot leave yet: in order within their topic, topics independent of each other, bounded in bytes. */
export class WaitingRoom {
  readonly #limit: number
  readonly #topics = new Map<string, Waiting[]>()
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  holds(topic: string): boolean {
    return this.#topics.size > 0 && this.#topics.has(topic)
  }

  /** `ERR_QUEUE_FULL` where there is no room; an empty room takes anything. */
  enter(waiting: Waiting): void {
    if (this.#bytes > 0 && this.#bytes + waiting.size > this.#limit) {
      throw new MeshError('ERR_QUEUE_FULL', `${this.#bytes} bytes of publications wait for slow receivers already`)
    }
    this.#bytes += waiting.size
    const list = this.#topics.get(waiting.topic)
    if (list === undefined) this.#topics.set(waiting.topic, [waiting])
    else list.push(waiting)
  }

  /** Its bytes are free at once; its place is passed over. */
  cancel(waiting: Waiting): void {
    if (waiting.cancelled) return
    waiting.cancelled = true
    this.#bytes -= waiting.size
  }

  /** Lets go what may leave now. */
  pump(open: (topic: string) => boolean): void {
    for (const [topic, list] of this.#topics) {
      let gone = 0
      for (const waiting of list) {
        if (!waiting.cancelled) {
          if (!open(topic)) break
          this.#bytes -= waiting.size
          waiting.cancelled = true
          waiting.go()
        }
        gone++
      }
      if (gone === list.length) this.#topics.delete(topic)
      else if (gone > 0) list.splice(0, gone)
    }
  }

  stop(error: unknown): void {
    for (const list of this.#topics.values()) for (const waiting of list) if (!waiting.cancelled) waiting.fail(error)
    this.#topics.clear()
    this.#bytes = 0
  }
}
