import type { Subscription } from '../../../src/runtime/pubsub/types.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import type { Publication, Publisher } from './publisher.ts'

interface Heard {
  publisher: string
  number: number
}

/** What a pattern means, said as simply as it can be. */
function matches(pattern: string, topic: string): boolean {
  const text = pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace(/>$/, '.+')
  return new RegExp(`^${text}$`).test(topic)
}

const isEven = ({ data }: { data: unknown }): boolean => (data as Heard).number % 2 === 0

/** A subscription, its reader, and what it should have heard. */
export class Listener {
  readonly what: string
  readonly #play: Play
  readonly #pattern: string
  readonly #filtered: boolean
  readonly #subscription: Subscription
  readonly #heard: Heard[] = []
  #readyAt = Number.POSITIVE_INFINITY

  private constructor(
    play: Play,
    mesh: Mesh,
    i: number,
    pattern: string,
    filtered: boolean,
    subscription: Subscription
  ) {
    this.#play = play
    this.#pattern = pattern
    this.#filtered = filtered
    this.#subscription = subscription
    this.what = `node-${i} ${pattern}${filtered ? ', filtered' : ''}`
    play.note(mesh, `subscribe ${this.what}`)
    void subscription.ready.then(() => {
      this.#readyAt = mesh.now
      play.note(mesh, `ready ${this.what}`)
    })
  }

  static async on(play: Play, mesh: Mesh, i: number, pattern: string): Promise<Listener> {
    const { chance } = play
    const agent = await mesh.run(mesh.nodes[i]!.agent('listener'))
    const filtered = chance.happens(0.3)
    const slow = chance.happens(0.3)
    const overflow = chance.pick(['drop-oldest', 'drop-newest', 'reject'] as const)
    const small = { overflow, maxQueue: { messages: 8, bytes: 2 ** 20 }, highWatermark: 4, lowWatermark: 1 }
    const options = { ...(filtered && { filter: isEven }), ...(slow && small) }
    const listener = new Listener(play, mesh, i, pattern, filtered, agent.subscribe(pattern, options))
    void listener.#read(slow ? () => mesh.sleep(chance.between(0, 50)) : undefined)
    return listener
  }

  get ready(): Promise<void> {
    return this.#subscription.ready
  }

  get idle(): boolean {
    return this.#subscription.stats().queued === 0
  }

  async #read(rest: (() => Promise<void>) | undefined): Promise<void> {
    for await (const { data } of this.#subscription) {
      this.#heard.push(data as Heard)
      if (rest !== undefined) await rest()
    }
  }

  /** Nothing twice, nothing unasked, nothing out of order. */
  judge({ name, publications }: Publisher): void {
    const last = new Map<string, number>()
    for (const { publisher, number } of this.#heard) {
      if (publisher !== name) continue
      const { topic } = publications[number]!
      const details = { listener: this.what, publisher, number, topic }
      this.#play.must(this.#wants(publications[number]!), 'only what was asked for is heard', details)
      const before = last.get(topic) ?? -1
      this.#play.must(number !== before, 'each message at most once', details)
      this.#play.must(number > before, 'in the publisher’s order', { ...details, before })
      last.set(topic, number)
    }
  }

  /** What was published after `ready` was heard, or is counted as dropped here or as lost on the way. */
  judgeLosses(publishers: readonly Publisher[], lostOnTheWay: number): void {
    const heard = new Set(this.#heard.map(({ publisher, number }) => `${publisher} ${number}`))
    const missed = publishers
      .flatMap(({ publications }) => publications)
      .filter(
        (publication) => publication.at > this.#readyAt && publication.watched.resolved && this.#wants(publication)
      )
      .filter(({ publisher, number }) => !heard.has(`${publisher} ${number}`))
    const stats = this.#subscription.stats()
    this.#play.must(missed.length <= stats.dropped + lostOnTheWay, 'what is missed without faults is counted', {
      listener: this.what,
      missed: missed.length,
      first: missed[0]?.watched.what,
      lostOnTheWay,
      stats
    })
  }

  #wants({ topic, number }: Publication): boolean {
    return matches(this.#pattern, topic) && (!this.#filtered || number % 2 === 0)
  }
}
