import { Throttle, type ThrottleSettings } from '../flow/throttle.ts'
import { Line, type Waiter } from './line.ts'

/** Types told apart at the members of one name; all others together are one more. A guess, above any agent's handlers. */
const MOST = 64

/** The calls of one type to the members of a name. Each type has a handler and a queue of its own, so none waits for another. */
export class Flow {
  /** Below `MOST`, or that. */
  readonly index: number
  /** Whoever takes any member. */
  readonly line = new Line()
  #tickets = 0

  constructor(index: number) {
    this.index = index
  }

  /** `at`: only for room there. */
  wait(at: TargetFlow | undefined, resume: () => void): Waiter {
    const line = at === undefined ? this.line : at.line
    return line.wait(++this.#tickets, resume)
  }
}

/** A flow at one of the targets. */
export class TargetFlow {
  readonly throttle: Throttle
  /** Whoever takes none but a member there. */
  readonly line = new Line()

  constructor(settings: ThrottleSettings) {
    this.throttle = new Throttle(settings)
  }

  /** Calls whoever there is room for. */
  call({ line: any }: Flow, now: number): void {
    const own = this.line
    if (own.length + any.length === 0) return
    const { limit, inFlight } = this.throttle
    // With nothing under way nobody would be called later.
    const room = inFlight === 0 ? own.length + any.length : limit - inFlight - own.expected(now) - any.expected(now)
    for (let left = Math.min(room, own.length + any.length); left > 0; left--) {
      if (own.first < any.first) own.call(now)
      else any.call(now)
    }
  }
}

/** The flows to the members of one name. */
export class Flows {
  readonly #flows = new Map<string, Flow>()
  #rest: Flow | undefined
  /** The last one asked for: mostly it is the next. */
  #type: string | undefined
  #flow: Flow | undefined

  of(type: string): Flow {
    if (type === this.#type) return this.#flow!
    this.#type = type
    return (this.#flow = this.#find(type))
  }

  *all(): Iterable<Flow> {
    yield* this.#flows.values()
    if (this.#rest !== undefined) yield this.#rest
  }

  #find(type: string): Flow {
    const known = this.#flows.get(type)
    if (known !== undefined) return known
    if (this.#flows.size === MOST) return (this.#rest ??= new Flow(MOST))
    const flow = new Flow(this.#flows.size)
    this.#flows.set(type, flow)
    return flow
  }
}
