import type { Message } from '../../../protocols/envelope/message.ts'
import type { Clock } from '../ports.ts'
import type { Acknowledgements } from './acknowledgements.ts'
import type { InterestView } from './interest.ts'
import type { LocalSubscriptions } from './local.ts'
import { type Publisher, pathOf } from './publisher.ts'
import { Reach } from './reach.ts'
import type { Evidence, PublishOptions } from './types.ts'

export interface EvidenceComponents {
  self: string
  clock: Clock
  view: InterestView
  local: LocalSubscriptions
  acknowledgements: Acknowledgements
  publisher: Publisher
  grace: number
}

/** The specification's request time-out. */
const TIMEOUT = 5_000

/** Publications that wait for subscribers and for their acknowledgements. */
export class EvidenceDesk {
  readonly #c: EvidenceComponents
  readonly #waiting = new Set<() => void>()
  readonly #open = new Set<Reach>()

  constructor(components: EvidenceComponents) {
    this.#c = components
  }

  /** Interest changed, here or elsewhere. */
  changed(): void {
    for (const look of [...this.#waiting]) look()
  }

  async publish(message: Message, wanted: number, options: PublishOptions): Promise<Evidence> {
    const { clock, publisher, grace } = this.#c
    const { timeout = TIMEOUT, signal } = options
    const { topic, bytes } = publisher.encode(message)
    const reach = new Reach(message.id, topic, wanted, clock, grace)
    const expire = () =>
      reach.fail('ERR_TIMEOUT', `${topic} had not reached ${wanted} subscriptions within ${timeout} ms`)
    const timer = clock.after(timeout, expire)
    this.#open.add(reach)
    const abort = () => reach.fail('ERR_ABORTED', 'the publication was aborted', signal?.reason)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([this.#subscribers(topic, wanted, reach.settled.promise), reach.settled.promise])
      await this.#ask(reach, topic, bytes, options, timeout)
      return await reach.settled.promise
    } finally {
      this.#open.delete(reach)
      timer.cancel()
      reach.end()
      signal?.removeEventListener('abort', abort)
    }
  }

  stop(): void {
    for (const reach of this.#open) reach.fail('ERR_STOPPED', 'publish-subscribe is stopped')
  }

  /** Resolves once so many subscriptions are known; forgotten once `settled`. */
  #subscribers(topic: string, wanted: number, settled: Promise<unknown>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => {
      let known = this.#c.local.matching(topic).length
      for (const { subscribers } of this.#c.view.table.match(topic)) known += subscribers
      if (known < wanted) return
      this.#waiting.delete(look)
      resolve()
    }
    this.#waiting.add(look)
    look()
    const forget = () => void this.#waiting.delete(look)
    settled.then(forget, forget)
    return promise
  }

  async #ask(reach: Reach, topic: string, bytes: Uint8Array, options: PublishOptions, ms: number): Promise<void> {
    const { acknowledgements, publisher, view, self } = this.#c
    const asked = view.table.match(topic).map(({ peer }) => peer)
    const heard = (peer: string, subscribers: number, left: number) => reach.heard(peer, subscribers, left)
    const token = acknowledgements.ask(asked, ms, heard, () => {})
    try {
      const handed = await Promise.race([
        publisher.submit(topic, bytes, token, { ...options, timeout: ms }),
        reach.settled.promise
      ])
      if (!('route' in handed)) return
      reach.sent(self, handed.local, pathOf(handed.route), asked.length)
      await reach.settled.promise
    } finally {
      acknowledgements.forget(token)
    }
  }
}
