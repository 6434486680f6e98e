import { encodeCommand } from '../../../src/core/replicated/command.ts'
import { ReplicatedState } from '../../../src/core/replicated/replicated-state.ts'
import type { Outcome, StateMachine } from '../../../src/core/replicated/types.ts'

/** A replica whose log is what the test writes. */
export class LoneReplica {
  readonly state: ReplicatedState
  index: number
  readonly #parts: () => Record<string, StateMachine>

  constructor(parts: () => Record<string, StateMachine>, index = 0) {
    this.#parts = parts
    this.state = new ReplicatedState(parts())
    this.index = index
  }

  /** Without a session. */
  tell(part: string, body: unknown): Outcome {
    return this.apply(encodeCommand({ session: 0, number: 0, oldest: 0, part, body }))
  }

  in(session: number, number: number, part: string, body: unknown, oldest = 1): Outcome {
    return this.apply(encodeCommand({ session, number, oldest, part, body }))
  }

  apply(data: Uint8Array): Outcome {
    return this.state.apply(data, { index: ++this.index, term: 1 })
  }

  /** The session's number. */
  open(nonce = `nonce-${this.index}`): number {
    return told(this.tell('sessions', { open: nonce })) as number
  }

  /** Another replica that begins with what this one holds. */
  copy(): LoneReplica {
    const copy = new LoneReplica(this.#parts, this.index)
    copy.state.restore(this.state.snapshot())
    return copy
  }
}

export function told(outcome: Outcome): unknown {
  if (outcome.ok) return outcome.value
  throw new Error(`${outcome.code}: ${outcome.message}`)
}

export function codeOf(outcome: Outcome): string | undefined {
  return outcome.ok ? undefined : outcome.code
}
