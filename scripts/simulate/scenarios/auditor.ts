import type { MeshError } from '../../../protocols/errors.ts'
import type { Subscription } from '../../../src/runtime/pubsub/types.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'

export interface Entry {
  /** Index of the publisher's node. */
  publisher: number
  number: number
}

/** One node's durable subscription to everything, through all lives of the node. */
export class Auditor {
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #node: number
  readonly #heard = new Map<number, Set<number>>()
  /** Of each publisher the last number that was acknowledged when a subscription was closed in good order. */
  readonly #settled = new Map<number, number>()
  #subscription: Subscription | undefined
  #life = 0

  constructor(play: Play, mesh: Mesh, node: number) {
    this.#play = play
    this.#mesh = mesh
    this.#node = node
  }

  async subscribe(lives: () => boolean): Promise<void> {
    const life = ++this.#life
    this.#subscription = undefined
    const agent = await this.#mesh.nodes[this.#node]!.agent('auditor')
    const subscription = agent.subscribe('>', { durable: true, name: 'audit', from: 'start' })
    this.#subscription = subscription
    void this.#read(subscription, () => lives() && this.#life === life)
    // It may be closed, or its node crash, before.
    subscription.ready.catch(() => {})
  }

  /** Resolves once the subscription is remembered. */
  async ready(): Promise<void> {
    await this.#subscription?.ready
  }

  /** Closes the subscription and opens it again: what was acknowledged is settled for good. */
  async reopen(lives: () => boolean): Promise<void> {
    const subscription = this.#subscription
    if (subscription === undefined || !lives()) return
    this.#subscription = undefined
    const acknowledged = new Map(this.#acknowledged)
    this.#life++
    const recorded = await subscription.close().then(
      () => true,
      () => false
    )
    if (!lives()) return
    if (recorded) for (const [publisher, number] of acknowledged) this.#settled.set(publisher, number)
    this.#play.note(this.#mesh, `auditor ${this.#node} opens its subscription again`)
    await this.subscribe(lives)
  }

  #acknowledged = new Map<number, number>()

  async #read(subscription: Subscription, lives: () => boolean): Promise<void> {
    const last = new Map<number, number>()
    const acknowledged = (this.#acknowledged = new Map(this.#settled))
    let held: Entry | undefined
    try {
      for await (const { data } of subscription) {
        if (!lives()) return
        const { publisher, number } = data as Entry
        const before = last.get(publisher) ?? -1
        const details = { auditor: this.#node, publisher, number, before }
        this.#play.must(number > before, 'in the publisher’s order, once a life', details)
        const settled = this.#settled.get(publisher) ?? -1
        this.#play.must(number > settled, 'what was acknowledged and recorded never comes again', {
          ...details,
          settled
        })
        last.set(publisher, number)
        if (held !== undefined) acknowledged.set(held.publisher, held.number)
        held = { publisher, number }
        const heard = this.#heard.get(publisher) ?? new Set()
        this.#heard.set(publisher, heard.add(number))
        if (this.#play.chance.happens(0.1)) await this.#mesh.sleep(this.#play.chance.between(0, 100))
      }
    } catch (error) {
      const { code } = error as MeshError
      if (lives()) this.#play.must(false, 'nothing is missing while all is kept', { auditor: this.#node, code, error })
    }
  }

  has({ publisher, number }: Entry): boolean {
    return this.#heard.get(publisher)?.has(number) === true
  }
}
