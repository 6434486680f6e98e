import type { Agent } from '../../../src/agent/agent.ts'
import type { RequestOptions } from '../../../src/agent/types.ts'
import type { Mesh } from '../../../src/testing/index.ts'
import type { Play } from '../play.ts'
import type { Watched } from '../watched.ts'

/** ms that a time-out may be late: the granularity of the alarm that serves all calls. */
const SLACK = 60

interface Call {
  number: number
  watched: Watched<{ data: unknown }>
  /** ms of virtual time by which it has to have ended, whatever happens. */
  due: number
}

interface Stream {
  asked: number
  parts: number[]
  watched: Watched<void>
}

/** The client of the request-response scenario, and what became of its calls. */
export class Asker {
  readonly #play: Play
  readonly #mesh: Mesh
  readonly #agent: Agent
  readonly #calls: Call[] = []
  readonly #streams: Stream[] = []

  constructor(play: Play, mesh: Mesh, agent: Agent) {
    this.#play = play
    this.#mesh = mesh
    this.#agent = agent
  }

  /** Some call or stream, with some time-out; what hangs is given up after a while. */
  askAnything(): void {
    const { chance } = this.#play
    const type = chance.pick(['echo', 'echo', 'slow', 'fail', 'hang', 'count'])
    if (type === 'count') {
      this.#stream(chance.pick([0, 1, 10, 200]))
      return
    }
    const abort = new AbortController()
    const patience = type === 'hang' ? Math.ceil(chance.between(1, 10_000)) : Number.POSITIVE_INFINITY
    if (type === 'hang') void this.#mesh.sleep(patience).then(() => abort.abort())
    const timeout = Math.ceil(chance.between(1, 8_000))
    const options = { type, timeout, idempotent: chance.happens(0.3), signal: abort.signal }
    this.ask(type === 'hang' ? options : { ...options, signal: undefined }, Math.min(timeout, patience))
  }

  ask(options: RequestOptions & { type: string; timeout: number }, life = options.timeout, target: object = {}): Call {
    const number = this.#calls.length
    const { type, timeout, idempotent } = options
    const asking = this.#agent.request({ name: 'server', ...target }, { number, idempotent }, options)
    const watched = this.#play.watch(this.#mesh, `${type} ${number}, ${timeout} ms`, asking)
    const call = { number, watched, due: this.#mesh.now + life }
    this.#calls.push(call)
    return call
  }

  #stream(asked: number): void {
    const parts: number[] = []
    const read = async (): Promise<void> => {
      for await (const { data } of this.#agent.stream('server', asked, { type: 'count' })) parts.push(data)
    }
    const watched = this.#play.watch(this.#mesh, `stream ${this.#streams.length} of ${asked}`, read())
    this.#streams.push({ asked, parts, watched })
  }

  async ended(): Promise<void> {
    const all = [...this.#calls, ...this.#streams].map(({ watched }) => watched)
    await this.#play.ended(this.#mesh, all, 'each call ends')
    for (const call of this.#calls) this.#judgeCall(call)
    for (const stream of this.#streams) this.#judgeStream(stream)
  }

  #judgeCall({ number, watched, due }: Call): void {
    const { what, value, error, ended } = watched
    const end = { what, late: ended! - due, code: error?.code, data: value?.data }
    this.#play.must(ended! <= due + SLACK, 'a call ends in its time', end)
    if (error === undefined) this.#play.must(value!.data === number, 'a reply is its request’s', end)
    else this.#play.must(error.code !== undefined, 'what failed says why', { ...end, error })
  }

  #judgeStream({ asked, parts, watched }: Stream): void {
    const { what, error } = watched
    const gap = parts.findIndex((part, i) => part !== i)
    const around = parts.slice(gap - 1, gap + 2)
    this.#play.must(gap < 0, 'a stream has no gap and keeps its order', { what, around })
    const whole = parts.length === asked
    this.#play.must(whole || error !== undefined, 'a stream is whole or ends with an error', { what, parts })
    this.#play.must(error === undefined || error.code !== undefined, 'what failed says why', { what, error })
  }
}
