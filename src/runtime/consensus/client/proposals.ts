import type { Done, ProposeValue } from '../../../../protocols/consensus/messages.ts'
import { unpack } from '../../../../protocols/envelope/messagepack.ts'
import { MeshError, meshErrorOf } from '../../../../protocols/errors.ts'
import { MAX_COMMAND_BYTES } from '../../../../protocols/raft/constants.ts'
import { encodeCommand } from '../../../core/replicated/command.ts'
import type { Ask, AskOwner } from './ask.ts'
import { SessionNumbers } from './session-numbers.ts'
import type { Asked } from './types.ts'

/** A command of this node, from when it is given until its outcome is known or nobody waits for it. */
export interface Proposal {
  readonly part: string
  /** Nobody else can change it. */
  readonly body: unknown
  resolve(asked: Asked): void
  reject(error: unknown): void
  settled: boolean
  ask: Ask | undefined
}

/** A proposal with the number that it was given. */
interface Sent {
  readonly session: SessionNumbers
  readonly number: number
  readonly proposal: Proposal
}

export interface ProposalsParts {
  /** A nonce for a session: the same one opens the same session. */
  nonce(): string
  /** Asks the leader; `ERR_QUEUE_FULL`. The owner is told once it is answered or dropped. */
  propose(command: Uint8Array, owner: AskOwner): Ask
}

/** Proposals that wait for a session, or for room in its window. A guess. */
const MOST_WAITING = 16_384

/**
 * What this node proposes to one group, in one session (thesis 6.3): each command has its number, so that it is applied
 * once however often it is sent.
 */
export class Proposals {
  readonly #parts: ProposalsParts
  #session: SessionNumbers | undefined
  #opening: Ask | undefined
  #nonce: string | undefined
  #waiting: Proposal[] = []

  constructor(parts: ProposalsParts) {
    this.#parts = parts
  }

  /** `ERR_QUEUE_FULL`, `ERR_UNREPRESENTABLE`. */
  propose(proposal: Proposal): void {
    if (this.#session !== undefined && this.#waiting.length === 0 && this.#send(this.#session, proposal)) return
    if (this.#waiting.length >= MOST_WAITING) {
      throw new MeshError('ERR_QUEUE_FULL', `${MOST_WAITING} proposals wait already`)
    }
    this.#open()
    this.#waiting.push(proposal)
  }

  /** The caller of a proposal gave up. */
  dropped(): void {
    if (this.#waiting.length === 0 || this.#waiting.some(({ settled }) => !settled)) return
    this.#waiting = []
    this.#opening?.reject(new MeshError('ERR_ABORTED', 'nobody waits for the session'))
  }

  close(error: Error): void {
    for (const proposal of this.#waiting.splice(0)) proposal.reject(error)
  }

  // ---- the session -------------------------------------------------------------------------------------------------

  #open(): void {
    if (this.#session !== undefined || this.#opening !== undefined) return
    this.#nonce ??= this.#parts.nonce()
    const body = { open: this.#nonce }
    const command = encodeCommand({ session: 0, number: 0, oldest: 0, part: 'sessions', body })
    this.#opening = this.#parts.propose(command, {
      answered: (_, answer) => {
        this.#opening = undefined
        this.#nonce = undefined
        const [ok, value, message] = outcomeOf(answer)
        if (!ok) this.close(meshErrorOf(value, message))
        else if (typeof value === 'number') this.#session = new SessionNumbers(value)
        else this.close(new MeshError('ERR_MALFORMED', 'a session that is no number'))
        this.#pump()
      },
      failed: () => {
        this.#opening = undefined
      }
    })
  }

  #pump(): void {
    const session = this.#session
    if (session === undefined) {
      if (this.#waiting.length > 0) this.#open()
      return
    }
    const waiting = this.#waiting
    let gone = 0
    for (; gone < waiting.length; gone++) {
      const proposal = waiting[gone]!
      if (proposal.settled) continue
      try {
        if (!this.#send(session, proposal)) break
      } catch (error) {
        proposal.reject(error)
      }
    }
    waiting.splice(0, gone)
  }

  /** False where the window is full. */
  #send(session: SessionNumbers, proposal: Proposal): boolean {
    const number = session.take()
    if (number === undefined) return false
    const { part, body } = proposal
    try {
      const command = encodeCommand({ session: session.session, number, oldest: session.oldest, part, body })
      checkSize(command)
      const ask = this.#parts.propose(command, this.#ownerOf({ session, number, proposal }))
      proposal.ask = ask
    } catch (error) {
      session.settle(number)
      throw error
    }
    return true
  }

  #ownerOf(sent: Sent): AskOwner {
    return {
      answered: (ask, answer) => {
        this.#settle(sent)
        this.#answered(sent, ask, answer)
      },
      failed: (_, error) => {
        this.#settle(sent)
        sent.proposal.reject(error)
      }
    }
  }

  #settle({ session, number }: Sent): void {
    session.settle(number)
    if (this.#waiting.length > 0) this.#pump()
  }

  #answered({ session, number, proposal }: Sent, ask: Ask, answer: Done): void {
    const [ok, value, message] = outcomeOf(answer)
    if (ok) {
      const { index, term } = answer
      proposal.resolve({ id: `${session.session}.${number}`, index, term, value, sentAt: ask.firstSentAt! })
    } else if (value === 'ERR_SESSION_EXPIRED') {
      if (this.#session === session) this.#session = undefined
      // Sent once it was refused, and nothing else; sent before, it may have been applied while the session was known.
      if (ask.attempts === 1) this.#retry(proposal)
      else proposal.reject(meshErrorOf(value, message))
    } else {
      proposal.reject(meshErrorOf(value, message))
    }
  }

  #retry(proposal: Proposal): void {
    if (proposal.settled) return
    this.#waiting.push(proposal)
    this.#open()
  }
}

/** No leader would take it. */
function checkSize({ byteLength }: Uint8Array): void {
  if (byteLength <= MAX_COMMAND_BYTES) return
  throw new MeshError('ERR_MESSAGE_TOO_LARGE', `a command of ${byteLength} bytes, of ${MAX_COMMAND_BYTES} at most`)
}

function outcomeOf({ value }: Done): [true, unknown, undefined] | [false, string, string] {
  let outcome: ProposeValue
  try {
    outcome = unpack(value) as ProposeValue
  } catch {
    return MALFORMED
  }
  if (Array.isArray(outcome) && outcome[0] === true) return [true, outcome[1], undefined]
  if (Array.isArray(outcome) && typeof outcome[1] === 'string') return [false, outcome[1], String(outcome[2])]
  return MALFORMED
}

const MALFORMED: [false, string, string] = [false, 'ERR_MALFORMED', 'an outcome that is none']
