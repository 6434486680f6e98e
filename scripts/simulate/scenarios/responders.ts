import type { Context } from '../../../src/agent/types.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'

interface Question {
  data: { number: number; idempotent: boolean }
}

/** The servers of the request-response scenario, and what they saw. */
export class Responders {
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #lifeOf: (i: number) => () => boolean
  /** How often each request was begun. */
  readonly #begun = new Map<number, number>()
  /** Handlers that wait for nothing but their signal. */
  readonly #hanging: { number: number; signal: AbortSignal; lives: () => boolean }[] = []

  constructor(play: Play, mesh: Mesh, lifeOf: (i: number) => () => boolean) {
    this.#play = play
    this.#mesh = mesh
    this.#lifeOf = lifeOf
  }

  host(i: number): Promise<unknown> {
    const { chance } = this.#play
    const lives = this.#lifeOf(i)
    const begin = ({ number, idempotent }: Question['data']): number => {
      const times = (this.#begun.get(number) ?? 0) + 1
      this.#begun.set(number, times)
      this.#play.must(idempotent || times === 1, 'what is not idempotent is handled at most once', { number, times })
      return number
    }
    const slow = async ({ data }: Question): Promise<number> => {
      const number = begin(data)
      await this.#mesh.sleep(chance.between(0, 3_000))
      return number
    }
    const fail = ({ data }: Question): never => {
      throw Object.assign(new Error(`no ${begin(data)}`), { code: 'E_OWN' })
    }
    const hang = ({ data }: Question, { signal }: Context): Promise<never> => {
      this.#hanging.push({ number: begin(data), signal, lives })
      return new Promise(() => {})
    }
    const mesh = this.#mesh
    async function* count({ data }: { data: number }): AsyncGenerator<number> {
      for (let n = 0; n < data; n++) {
        if (chance.happens(0.1)) await mesh.sleep(chance.between(0, 200))
        yield n
      }
    }
    return mesh.nodes[i]!.agent('server', { handle: { echo: ({ data }) => begin(data), slow, fail, hang, count } })
  }

  /** Every handler that still lives has heard that nobody waits for it. */
  async abandoned(): Promise<void> {
    const waiting = () => this.#hanging.filter(({ signal, lives }) => lives() && !signal.aborted)
    await this.#play.until(
      this.#mesh,
      'cancellation reaches the handler',
      () => waiting().length === 0,
      () => ({ unaware: waiting().map(({ number }) => number) })
    )
  }
}
