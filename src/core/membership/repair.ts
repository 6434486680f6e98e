import { hashOf } from './exchange.ts'
import { askFor } from './spread.ts'
import type { View } from './view.ts'

/** What makes up for everything that was lost: anti-entropy with a random contact, and retransmission. */
export class Repair {
  readonly #view: View
  #exchangedAt = 0

  constructor(view: View) {
    this.#view = view
  }

  tick(): void {
    const view = this.#view
    this.#retransmit()
    if (view.steady - this.#exchangedAt < view.options.exchangeInterval) return
    // Rounds of different members drift apart, so that they do not all exchange at one moment.
    this.#exchangedAt = view.steady - view.random() * 0.2 * view.options.exchangeInterval
    view.sweep()
    const [contact] = view.pick(1, (c) => c.received)
    if (contact === undefined) return
    view.sink.push({ kind: 'send', to: [contact.peer], message: { kind: 'summary', hash: hashOf(view) } })
  }

  /** What was not acknowledged, and the digest that was not answered. */
  #retransmit(): void {
    const view = this.#view
    const wait = view.options.exchangeInterval
    for (const contact of view.contacts.values()) {
      if (contact.hungUp) continue
      if (!(contact.received && contact.confirmed) && view.steady - contact.askedAt >= wait) askFor(view, contact, true)
      if (contact.declined || !contact.synced || contact.acked >= contact.sent) continue
      if (view.steady - contact.sentAt < wait) continue
      contact.sent = contact.acked
      view.flush()
    }
  }
}
