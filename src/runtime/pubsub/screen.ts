import type { Message } from '../../../protocols/envelope/message.ts'
import type { Clock } from '../ports.ts'
import type { Coalescer } from '../telemetry/coalesce.ts'
import type { MessageCodec, PubSubEvent, SubscribeOptions } from './types.ts'

export interface ScreenComponents {
  codec: MessageCodec
  coalescer: Coalescer
  clock: Pick<Clock, 'now'>
  emit(event: PubSubEvent): void
}

let serial = 0

/** What a subscription reads of what is offered to it: bytes that are what they say, and that its filter lets through. */
export class Screen {
  readonly counts = { filtered: 0, filterErrors: 0, malformed: 0, expired: 0 }
  readonly #id = ++serial
  readonly #filter: SubscribeOptions['filter']
  readonly #names: { owner: string; pattern: string }
  readonly #components: ScreenComponents

  constructor(
    filter: SubscribeOptions['filter'],
    names: { owner: string; pattern: string },
    components: ScreenComponents
  ) {
    this.#filter = filter
    this.#names = names
    this.#components = components
  }

  /** The message where a filter had to see it, undefined where there is none, false where it is not wanted. */
  admit(topic: string, bytes: Uint8Array): Message | undefined | false {
    if (this.#filter === undefined) return undefined
    const message = this.decode(topic, bytes)
    return message !== undefined && this.#wanted(message, this.#filter) && message
  }

  #wanted(message: Message, filter: (message: Message) => boolean): boolean {
    try {
      if (filter(message)) return true
      this.counts.filtered++
    } catch (error) {
      this.counts.filterErrors++
      const { coalescer, emit } = this.#components
      coalescer.note(`filter ${this.#id}`, 0, (errors) => emit({ kind: 'filter-error', ...this.#names, errors, error }))
    }
    return false
  }

  /** What is handed out: nothing that has outlived its time meanwhile. */
  read(topic: string, bytes: Uint8Array, known?: Message): Message | undefined {
    const message = known ?? this.decode(topic, bytes)
    const deadline = message?.qos?.deadline
    const { clock, coalescer, emit } = this.#components
    if (deadline === undefined || clock.now() <= deadline) return message
    this.counts.expired++
    coalescer.note(`expired ${this.#id}`, 0, (messages) => emit({ kind: 'expired', ...this.#names, messages }))
    return undefined
  }

  decode(topic: string, bytes: Uint8Array): Message | undefined {
    try {
      const message = this.#components.codec.decode(bytes)
      // A publisher may not be let in under one topic and be read under another.
      if (message.routing?.topic === topic) return message
    } catch {
      // Counted below, like the lie.
    }
    this.counts.malformed++
    return undefined
  }
}
