import type { Priority } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Counters } from '../core/flow/counters.ts'
import { LOOP_OVERLOAD, Overload } from '../core/flow/overload.ts'
import type { Clock, Timer } from '../runtime/ports.ts'
import type { Coalescer } from '../runtime/telemetry/coalesce.ts'
import type { NodeEventBody } from './events.ts'

export interface LoadShedderParts {
  clock: Clock
  counters: Counters
  coalescer: Coalescer
  emit: (event: NodeEventBody) => void
}

/** ms between two looks at how late the event loop is: ten in an interval. */
const PERIOD = 50

/** Refuses what matters least while the event loop cannot keep up with what comes. */
export class LoadShedder {
  readonly #parts: LoadShedderParts
  readonly #overload = new Overload(LOOP_OVERLOAD)
  #timer: Timer | undefined

  constructor(parts: LoadShedderParts) {
    this.#parts = parts
  }

  /** 0 while not overloaded. */
  get level(): number {
    return this.#overload.level
  }

  start(): void {
    const { clock } = this.#parts
    const due = clock.monotonic() + PERIOD
    this.#timer = clock.after(PERIOD, () => {
      const now = clock.monotonic()
      this.#overload.observe(Math.max(0, now - due), now)
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Why something for an agent is not taken now; undefined where it is. */
  refuses(agent: string, peer: string, priority: Priority | undefined): MeshError | undefined {
    if (!this.#overload.sheds(priority)) return undefined
    return this.shed(agent, peer, priority, 'the node')
  }

  /** Notes that something is not taken; returns the error to tell. */
  shed(agent: string, peer: string, priority: Priority = 'normal', what = agent): MeshError {
    const { counters, coalescer, emit } = this.#parts
    counters.shed++
    coalescer.note(`shed ${priority} ${peer} ${agent}`, 0, (count) =>
      emit({ kind: 'shed', agent, priority, count, peer })
    )
    return new MeshError('ERR_OVERLOADED', `${what} is overloaded and takes nothing of ${priority} priority now`)
  }
}
