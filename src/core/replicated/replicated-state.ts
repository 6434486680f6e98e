import { pack, unpack } from '../../../protocols/envelope/messagepack.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { type Command, decodeCommand } from './command.ts'
import { listOf, malformed } from './malformed.ts'
import { failure, type Kept, keep, recall, success } from './outcome.ts'
import { owned } from './owned.ts'
import { SESSION_WINDOW, type Session } from './session.ts'
import { Sessions } from './sessions.ts'
import type { Applying, Outcome, StateMachine } from './types.ts'

/** The part that is always there. */
const SESSIONS = 'sessions'

/** The user's part. */
export const MACHINE = 'machine'

/** Of what `snapshot` writes: `[FORMAT, sessions, [name, bytes, name, bytes …]]`. */
const FORMAT = 1

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
   * Costs a copy of the parts' tables and their encoding, at once: about 1 µs for a small value. Throws
   * `ERR_UNREPRESENTABLE` where a part gave what is no data.
   */
  snapshot(): Uint8Array {
    const parts: unknown[] = []
    for (const [name, machine] of this.#parts) parts.push(name, pack(machine.snapshot(), name))
    return pack([FORMAT, this.#sessions.toData(), parts])
  }

  /** Takes the place of all that was held. `ERR_CORRUPT`: then nothing that it holds counts. */
  restore(bytes: Uint8Array): void {
    try {
      const [format, sessions, parts, ...more] = listOf(unpack(bytes), 'the snapshot')
      if (format !== FORMAT || more.length > 0) throw malformed(`a snapshot of format ${FORMAT}`)
      this.#sessions.restore(owned(sessions))
      this.#restoreParts(listOf(parts, 'the parts'))
    } catch (cause) {
      throw new MeshError('ERR_CORRUPT', 'the snapshot cannot be restored', { cause })
    }
  }

  #restoreParts(parts: readonly unknown[]): void {
    const names = [...this.#parts.keys()]
    if (parts.length !== 2 * names.length) throw malformed(`the parts ${names.join()}`)
    for (let i = 0; i < names.length; i++) {
      const bytes = parts[2 * i + 1]
      if (parts[2 * i] !== names[i] || !(bytes instanceof Uint8Array)) throw malformed(`the part ${names[i]}`)
      this.#parts.get(names[i]!)!.restore(owned(unpack(bytes), Infinity))
    }
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

  #perform({ session, part, body }: Command, at: Applying): Outcome {
    this.#applied = { part, body }
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

/** What one part holds, of what `snapshot` gave. */
export function partOfSnapshot(snapshot: Uint8Array, name: string): unknown {
  const [, , parts] = listOf(unpack(snapshot), 'the snapshot')
  const all = listOf(parts, 'the parts')
  const bytes = all[all.indexOf(name) + 1]
  if (!(bytes instanceof Uint8Array)) throw malformed(`the part ${name}`)
  return unpack(bytes)
}

function refusal(code: 'ERR_SESSION_EXPIRED' | 'ERR_SETTLED' | 'ERR_LIMIT', message: string): Outcome {
  return failure(new MeshError(code, message))
}

/** Nothing was done now; what the session sent before may have been. */
const EXPIRED = refusal('ERR_SESSION_EXPIRED', 'the session is not known, or not any more')
const SETTLED = refusal('ERR_SETTLED', 'its outcome is known to the session')
/** Is not kept: once the oldest was settled, the same number can be used. */
const BEYOND = refusal('ERR_LIMIT', `a session waits for at most ${SESSION_WINDOW} numbers`)
