import type { Mesh } from '../../src/testing/index.ts'
import type { Play } from './play.ts'
import type { Watched } from './watched.ts'

export interface StormOptions {
  nodes: number
  /** Nodes that may crash. */
  victims: readonly number[]
  /** Nodes that stay on one side of every partition, and whose connections are not cut. */
  together: readonly number[]
  /** Called before a node is restarted. */
  prepare?: (i: number) => void
  /** Gives a node that was restarted its agents back. */
  revive: (i: number) => Promise<unknown>
}

/** Share of turns that bring a fault or a repair, and ms between turns at most. Guesses: a fault every second or so. */
const FAULTS = 0.2
const PACE = 400

/** Partitions, cut links, crashes and restarts, drawn by lot; whoever has it on their mind works in between. */
export class Storm {
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #options: StormOptions
  readonly #down = new Set<number>()
  readonly #revivals = new Map<number, Watched<unknown>>()

  constructor(play: Play, mesh: Mesh, options: StormOptions) {
    this.#play = play
    this.#mesh = mesh
    this.#options = options
  }

  isUp(i: number): boolean {
    return !this.#down.has(i)
  }

  /** True as long as node `i` lives the life that it lives now. */
  lifeOf(i: number): () => boolean {
    const node = this.#mesh.nodes[i]
    return () => this.#mesh.nodes[i] === node && this.isUp(i)
  }

  /** Lasts `ms`; all that was done is undone at its end. */
  async rage(ms: number, work: () => unknown): Promise<void> {
    const { chance } = this.#play
    const end = this.#mesh.now + ms
    while (this.#mesh.now < end) {
      if (chance.happens(FAULTS)) await this.#fault()
      else await work()
      await this.#mesh.advance(chance.between(0, PACE))
    }
    await this.#calm()
  }

  async #fault(): Promise<void> {
    const { chance } = this.#play
    const faults = [() => this.#partition(), () => this.#cut(), () => this.#mesh.heal()]
    if (this.#options.victims.length > 0) faults.push(() => this.crash(chance.pick(this.#options.victims)))
    if (this.#down.size > 0 && chance.happens(0.5)) await this.restart(chance.pick([...this.#down]))
    else {
      this.#play.faults++
      chance.pick(faults)()
    }
  }

  /** Two groups; in every third one only part of the nodes are in either. */
  #partition(): void {
    const { chance } = this.#play
    const { nodes, together } = this.#options
    const others = chance.shuffled(Array.from({ length: nodes }, (_, i) => i).filter((i) => !together.includes(i)))
    const size = chance.below(others.length) + 1
    const rest = others.slice(size)
    this.#mesh.partition([...together, ...(chance.happens(0.33) ? [] : rest)], others.slice(0, size))
  }

  #cut(): void {
    const { chance } = this.#play
    const { nodes, together } = this.#options
    const [a, b] = chance.shuffled(Array.from({ length: nodes }, (_, i) => i))
    if (!together.includes(a!) || !together.includes(b!)) this.#mesh.partition([a!], [b!])
  }

  crash(i: number): void {
    if (!this.isUp(i)) return
    this.#down.add(i)
    this.#revivals.delete(i)
    this.#mesh.crash(i, { silent: this.#play.chance.happens(0.4) })
  }

  async restart(i: number): Promise<void> {
    this.#options.prepare?.(i)
    await this.#mesh.restart(i)
    this.#down.delete(i)
    this.#revivals.set(i, this.#play.watch(this.#mesh, `revive node-${i}`, this.#options.revive(i)))
  }

  async #calm(): Promise<void> {
    this.#mesh.heal()
    this.#play.note(this.#mesh, 'the faults end')
    for (const i of [...this.#down]) await this.restart(i)
    const revivals = [...this.#revivals.values()]
    await this.#play.ended(this.#mesh, revivals, 'a restarted node’s agents are announced')
    const failed = revivals.find(({ error }) => error !== undefined)
    this.#play.must(failed === undefined, 'a restarted node’s agents are announced', { error: failed?.error })
  }
}
