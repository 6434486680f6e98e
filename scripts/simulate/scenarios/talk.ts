import type { Agent } from '../../../src/agent/agent.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import type { Watched } from '../watched.ts'

const REASONS = ['ERR_BACKPRESSURE', 'ERR_QUEUE_FULL', 'ERR_NO_RESPONDERS', 'ERR_CIRCUIT_OPEN']

/** One sender and one receiver, and messages at most once, numbered as they were sent. */
export class Talk {
  readonly what: string
  readonly from: number
  readonly to: number
  readonly sends: Watched<unknown>[] = []
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #listener: string
  /** ms that the receiver takes at most; 0: it is synchronous. */
  readonly #slow: number
  readonly #handled: number[] = []
  #sender: Agent | undefined

  constructor(play: Play, mesh: Mesh, i: number, ends: { from: number; to: number; slow: number }) {
    this.#play = play
    this.#mesh = mesh
    this.#listener = `listener-${i}`
    this.#slow = ends.slow
    this.from = ends.from
    this.to = ends.to
    this.what = `talk-${i} node-${ends.from} > node-${ends.to}`
  }

  async begin(): Promise<void> {
    await this.host()
    this.#sender = await this.#mesh.nodes[this.from]!.agent(`sender-${this.#listener}`)
  }

  /** Puts the receiver there, also after a restart. */
  host(): Promise<unknown> {
    const take = ({ data }: { data: number }): void => void this.#handled.push(data)
    const takeSlowly = async (message: { data: number }): Promise<void> => {
      take(message)
      await this.#mesh.sleep(this.#play.chance.between(0, this.#slow))
    }
    return this.#mesh.nodes[this.to]!.agent(this.#listener, { receive: this.#slow === 0 ? take : takeSlowly })
  }

  say(count: number): void {
    for (let i = 0; i < count; i++) {
      const number = this.sends.length
      const sending = this.#sender!.send(this.#listener, number, { delivery: 'at-most-once' })
      this.sends.push(this.#play.watch(this.#mesh, `${this.what} ${number}`, sending))
    }
  }

  /** Returns how many were sent and not handled, and how many were refused. */
  judge(): { lost: number; refused: number } {
    const once = new Set(this.#handled)
    const twice = this.#handled.filter((n, i) => this.#handled.indexOf(n) !== i)
    this.#play.must(twice.length === 0, 'never twice', { what: this.what, twice })
    const refused = this.sends.filter(({ error }) => error !== undefined)
    for (const { what, error } of refused)
      this.#play.must(REASONS.includes(error!.code ?? ''), 'what rejected says why', { what, error })
    return { lost: this.sends.filter((send, n) => send.resolved && !once.has(n)).length, refused: refused.length }
  }

  judgeOrder(): void {
    const disorder = this.#handled.findIndex((n, i) => i > 0 && n < this.#handled[i - 1]!)
    const around = this.#handled.slice(disorder - 2, disorder + 2)
    this.#play.must(disorder < 0, 'without faults all arrive in order', { what: this.what, around })
  }
}
