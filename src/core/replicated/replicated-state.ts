import { MeshError } from '../../../protocols/errors.ts'
import { type Command, decodeCommand } from './command.ts'
import { malformed } from './malformed.ts'
import { failure, type Kept, keep, recall, success } from './outcome.ts'
import { SESSION_WINDOW, type Session } from './session.ts'
import { Sessions } from './sessions.ts'
import { framesOf, join, type PartState, statesOf } from './snapshot.ts'
import type { Applying, Outcome, StateMachine } from './types.ts'

/** The part that is always there. */
const SESSIONS = 'sessions'

/** The user's part. */
export const MACHINE = 'machine'

export type Applied = Pick<Command, 'part' | 'body'>

/**
 * What a group's replicas hold: parts, each a state machine, and the sessions of the clients, because of which a command
 * that is in the log twice is done once. Replicas that applied the same entries have equal snapshots, byte for byte, wherever
 * on the way each of them was restored.
 *
 * All replicas of a group must have the same parts. Every command has an outcome; nothing that the log says can throw.
 */
export class ReplicatedState {
  readonly #parts: ReadonlyMap<string, StateMachine>
  readonly #sessions = new Sessions()
  #applied: Applied | undefined

  /** `ERR_CONFIG` for a part that is named 'sessions'. */
  constructor(parts: Readonly<Record<string, StateMachine>>) {
    if (Object.hasOwn(parts, SESSIONS)) throw new MeshError('ERR_CONFIG', `'${SESSIONS}' is the name of another part`)
    this.#parts = new Map(Object.entries(parts).sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** The command that the last `apply` was the first to apply; undefined where it was a repeat, or none. */
  get applied(): Applied | undefined {
    return this.#applied
  }

  /** The bytes are not needed afterwards. */
  apply(data: Uint8Array, at: Applying): Outcome {
    this.#applied = undefined
    let command: Command
    try {
      command = decodeCommand(data)
    } catch (error) {
      return failure(error)
    }
    return command.session === 0 ? this.#perform(command, at) : this.#once(command, at)
  }

  /** What a part answers; throws what it throws. `ERR_MALFORMED` where there is no such part. */
  query(part: string, question: unknown): unknown {
    return this.#part(part).query(question)
  }

  /**
   * What is held now, as bytes that are made bit by bit while they are asked for, whatever is applied meanwhile: joined they are
   * what `snapshot` gives. At once only the parts' tables are copied. Asking throws `ERR_UNREPRESENTABLE` where a
   * part gave what is no data.
   */
  capture(): Iterable<Uint8Array> {
    const states: PartState[] = [[SESSIONS, this.#sessions.toData()]]
    for (const [name, machine] of this.#parts) states.push([name, machine.snapshot()])
    return framesOf(states)
  }

  /** All of it at once. */
  snapshot(): Uint8Array {
    return join(this.capture())
  }

  /** Takes the place of all that was held. `ERR_CORRUPT`: then nothing that it holds counts. */
  restore(bytes: Uint8Array): void {
    try {
      const [sessions, ...parts] = statesOf(bytes)
      if (sessions?.[0] !== SESSIONS) throw malformed('a snapshot without sessions')
      this.#sessions.restore(sessions[1])
      this.#restoreParts(parts)
    } catch (cause) {
      throw new MeshError('ERR_CORRUPT', 'the snapshot cannot be restored', { cause })
    }
  }

  #restoreParts(parts: readonly PartState[]): void {
    const names = [...this.#parts.keys()]
    const given = parts.map(([name]) => name)
    if (given.length !== names.length || given.some((name, i) => name !== names[i])) {
      throw malformed(`a snapshot of the parts ${given.join()} instead of ${names.join()}`)
    }
    for (const [name, state] of parts) this.#parts.get(name)!.restore(state)
  }

  #once(command: Command, at: Applying): Outcome {
    const session = this.#sessions.use(command.session, at.index)
    if (session === undefined) return EXPIRED
    session.forgetBelow(command.oldest)
    if (command.number < session.oldest) return SETTLED
    if (command.number - session.oldest >= SESSION_WINDOW) return BEYOND
    const kept = session.outcome(command.number)
    return kept === undefined ? this.#first(session, command, at) : recall(kept)
  }

  #first(session: Session, command: Command, at: Applying): Outcome {
    let outcome = this.#perform(command, at)
    let kept: Kept
    try {
      kept = keep(outcome)
    } catch (error) {
      kept = outcome = failure(error)
    }
    session.keep(command.number, kept)
    return outcome
  }

  #perform(command: Command, at: Applying): Outcome {
    const { session, part, body } = command
    this.#applied = command
    try {
      if (part !== SESSIONS) return success(this.#part(part).apply(body, at))
      if (session !== 0) throw malformed('a session is opened outside of any')
      return success(this.#sessions.apply(body, at))
    } catch (error) {
      return failure(error)
    }
  }

  #part(name: string): StateMachine {
    const part = this.#parts.get(name)
    if (part === undefined) throw malformed(`there is no part '${name}'`)
    return part
  }
}

/** What one part holds, of what `snapshot` gave. Throws `ERR_MALFORMED` where there is no such part. */
export function partOfSnapshot(snapshot: Uint8Array, name: string): unknown {
  const part = statesOf(snapshot).find(([its]) => its === name)
  if (part === undefined) throw malformed(`there is no part '${name}'`)
  return part[1]
}

function refusal(code: 'ERR_SESSION_EXPIRED' | 'ERR_SETTLED' | 'ERR_LIMIT', message: string): Outcome {
  return failure(new MeshError(code, message))
}

/** Nothing was done now; what the session sent before may have been. */
const EXPIRED = refusal('ERR_SESSION_EXPIRED', 'the session is not known, or not any more')
const SETTLED = refusal('ERR_SETTLED', 'its outcome is known to the session')
/** Is not kept: once the oldest was settled, the same number can be used. */
const BEYOND = refusal('ERR_LIMIT', `a session waits for at most ${SESSION_WINDOW} numbers`)
