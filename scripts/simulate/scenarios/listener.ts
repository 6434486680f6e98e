import type { MeshError } from '../../../protocols/errors.ts'
import type { Node } from '../../../src/node/node.ts'
import type { Subscription } from '../../../src/runtime/pubsub/types.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import type { Publication, Publisher } from './publisher.ts'

interface Wish {
  pattern: string
  filtered: boolean
  assured: boolean
}

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
  readonly lives: () => boolean
  readonly #play: Play
  readonly #wish: Wish
  readonly #subscription: Subscription
  readonly #heard: Heard[] = []
  /** Publishers of which a gap was told, by their PeerIds. */
  readonly #gaps = new Set<string>()
  /** The lives that were in the view when `ready` was heard: they know of the subscription. */
  #told = new Set<Node>()
  #readyAt = Number.POSITIVE_INFINITY

  private constructor(
    play: Play,
    mesh: Mesh,
    node: Node,
    what: string,
    wish: Wish,
    subscription: Subscription,
    lives: () => boolean
  ) {
    this.#play = play
    this.#wish = wish
    this.#subscription = subscription
    this.what = what
    this.lives = lives
    play.note(mesh, `subscribe ${what}`)
    const ready = (): void => {
      this.#readyAt = mesh.now
      const view = new Set([node, ...node.peers()].map(({ peerId }) => peerId.toString()))
      this.#told = new Set(mesh.nodes.filter(({ peerId }) => view.has(peerId.toString())))
      play.note(mesh, `ready ${what}`)
    }
    subscription.ready.then(ready, () => play.note(mesh, `closed ${what}`))
  }

  static async on(play: Play, mesh: Mesh, i: number, pattern: string, lives: () => boolean): Promise<Listener> {
    const { chance } = play
    const node = mesh.nodes[i]!
    const agent = await node.agent('listener')
    const filtered = chance.happens(0.3)
    const slow = chance.happens(0.3)
    const assured = chance.happens(0.3)
    const overflow = assured ? 'reject' : chance.pick(['drop-oldest', 'drop-newest', 'reject'] as const)
    const delivery = assured ? 'at-least-once' : 'at-most-once'
    const small = { overflow, maxQueue: { messages: 8, bytes: 2 ** 20 }, highWatermark: 4, lowWatermark: 1 }
    const options = { delivery, ...(filtered && { filter: isEven }), ...(slow && small) } as const
    const subscription = agent.subscribe(pattern, options)
    const what = `node-${i} ${pattern}, ${delivery}${filtered ? ', filtered' : ''}${slow ? `, slow, ${overflow}` : ''}`
    const listener = new Listener(play, mesh, node, what, { pattern, filtered, assured }, subscription, lives)
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
    while (this.lives()) {
      try {
        for await (const { data } of this.#subscription) {
          this.#heard.push(data as Heard)
          if (rest !== undefined) await rest()
        }
        return
      } catch (error) {
        const { code, details } = error as MeshError
        this.#play.must(code === 'ERR_GAP', 'a subscription fails with a gap only', { listener: this.what, error })
        this.#gaps.add(details!.publisher as string)
      }
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

  /**
   * What a publisher that lives has published since `ready` was heard, whatever happened meanwhile; or a gap was told. One
   * that was born on the other side of a partition can know of the subscription only once the faults are over, `since` then.
   */
  judgeAssured({ name, node, publications }: Publisher, since: number): void {
    if (!this.#wish.assured || this.#gaps.has(node.peerId.toString())) return
    const from = Math.max(this.#readyAt, this.#told.has(node) ? 0 : since)
    const heard = new Set(this.#heard.filter(({ publisher }) => publisher === name).map(({ number }) => number))
    for (const { at, watched, number, topic } of publications) {
      if (at <= from || !watched.resolved || !this.#wants({ topic, number })) continue
      const details = { listener: this.what, publisher: name, number, topic }
      this.#play.must(heard.has(number), 'at least once is at least once, or the gap is told', details)
    }
  }

  /** What was published after `ready` was heard, or is counted as dropped here or as lost on the way. */
  judgeLosses(publications: readonly Publication[], lostOnTheWay: number): void {
    const heard = new Set(this.#heard.map(({ publisher, number }) => `${publisher} ${number}`))
    const missed = publications.filter(
      ({ at, watched, publisher, number, topic }) =>
        at > this.#readyAt && watched.resolved && this.#wants({ topic, number }) && !heard.has(`${publisher} ${number}`)
    )
    const stats = this.#subscription.stats()
    this.#play.must(missed.length <= stats.dropped + lostOnTheWay, 'what is missed without faults is counted', {
      listener: this.what,
      missed: missed.length,
      first: missed[0]?.watched.what,
      lostOnTheWay,
      stats
    })
  }

  #wants({ topic, number }: { topic: string; number: number }): boolean {
    return matches(this.#wish.pattern, topic) && (!this.#wish.filtered || number % 2 === 0)
  }
}
