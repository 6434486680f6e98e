import type { WatchedCommand, WatchSnapshot } from '../../../../src/index.ts'
import { type Council, GONE, type Seat } from './council.ts'
import type { Line } from './ledger.ts'

/** Those who watch the ledger, and go on where they were when their host comes back. */
export class Watchers {
  readonly #council: Council
  /** By host: the index that comes next. */
  readonly #next = new Map<number, number>()

  constructor(council: Council) {
    this.#council = council
  }

  async run(host: number): Promise<void> {
    this.#next.set(host, 0)
    for (let seat = await this.#council.seat(host); seat !== undefined; seat = await this.#council.seat(host)) {
      await this.#watch(host, seat)
    }
  }

  async #watch(host: number, { ledger, gone, lives }: Seat): Promise<void> {
    const { mesh, play } = this.#council
    const { chance } = play
    const watch = ledger.watch({ from: this.#next.get(host)!, signal: this.#council.ending })
    play.note(mesh, `${host} watches from ${this.#next.get(host)}`)
    while (!this.#council.over) {
      const item = await Promise.race([watch.next(), gone])
      if (item === GONE || !lives() || this.#council.over) return
      play.must(item.done !== true, 'a watch goes on while its host lives', { host })
      this.#next.set(host, this.#told(host, item.value as WatchedCommand | WatchSnapshot) + 1)
      if (chance.happens(0.1)) await mesh.sleep(chance.between(0, 500))
      if (chance.happens(0.03)) break
    }
    await watch.return?.()
  }

  /** The index. */
  #told(host: number, item: WatchedCommand | WatchSnapshot): number {
    const { play, truth } = this.#council
    const { index } = item
    const next = this.#next.get(host)!
    if (item.kind === 'snapshot') {
      const [, ...ids] = item.state as [number, ...string[]]
      const story = { host, next, index, ids, truth: truth.until(index) }
      play.must(index >= next && ids.join() === truth.until(index).join(), 'a snapshot stands for all before', story)
      return index
    }
    const { id } = item.command as Line
    const story = { host, index, id, next, missed: truth.firstOf(next, index - 1), truth: truth.at(index) }
    play.must(index >= next, 'a watch tells nothing twice', story)
    play.must(story.missed === undefined, 'a watch misses nothing', story)
    play.must(truth.at(index) === id && item.result === 1, 'a watch tells what was applied', story)
    return index
  }

  async judge(): Promise<void> {
    const { play, mesh, truth } = this.#council
    const behind = () => [...this.#next].filter(([, next]) => next <= truth.last)
    await play.until(
      mesh,
      'a watch comes to the end',
      () => behind().length === 0,
      () => ({ behind: behind(), last: truth.last, ledgers: this.#council.statuses('ledger') })
    )
  }
}
