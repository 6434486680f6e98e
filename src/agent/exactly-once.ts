import type { Message } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Random } from '../core/machine.ts'
import type { Coordinator, DeliveryLock } from '../runtime/ports.ts'
import type { ContextHost, ReceiveContext } from './context.ts'
import { SharedState } from './state-home.ts'
import { Transaction } from './transaction.ts'
import type { AgentState, Context, Receiver, StateChange } from './types.ts'

export interface ExactlyOnceHost extends ContextHost {
  readonly random: Random
  /** Where the agents' state and their deliveries are shared with other hosts. */
  readonly coordinator: Coordinator | undefined
}

/** Runs of one handler for one message. A guess: each conflict means that another commit came through. */
const MOST_RUNS = 32
/** ms at most before the first run anew, and before any. Guesses: a read and a commit take less than one. */
const FIRST_DELAY = 1
const MOST_DELAY = 64

/** What a receiving queue runs, given what it handles: `ReceiveContext` is the one it made. */
export type Runner = (message: Message, context: ReceiveContext) => Promise<void>

/** A handler whose effect is what it commits: it runs again, with a context of its own each time, until its commit met no conflict. */
export function exactlyOnce(handler: Receiver, host: ExactlyOnceHost): Runner {
  const { coordinator } = host
  return async (_message, context) => {
    // A handler may commit in its first breath, and its queue is to hear of it.
    await undefined
    if (coordinator === undefined) await repeat(handler, host, context)
    else await coordinated(handler, host, coordinator, context)
  }
}

async function repeat(
  handler: Receiver,
  host: ExactlyOnceHost,
  context: ReceiveContext,
  shared?: SharedState
): Promise<void> {
  for (let runs = 1; ; runs++) {
    const fact = shared && new Transaction(host.state, shared)
    const run = new Run(context, new Transaction(host.state, shared), fact)
    try {
      await handler(context.message, run)
    } catch (error) {
      if (!(await run.end())) throw error
    }
    // Of a handler that met a conflict and returned, what it wanted to commit is missing.
    if (!(await run.end())) {
      if (fact !== undefined && !context.settled) await context.complete(fact, [])
      return
    }
    if (runs === MOST_RUNS) throw new MeshError('ERR_CONFLICT', `the state has changed in each of ${runs} runs`)
    const delay = Math.min(MOST_DELAY, FIRST_DELAY * 2 ** (runs - 1)) * host.random()
    await new Promise<void>((resolve) => void host.clock.after(delay, resolve))
    if (context.settled) return
  }
}

/** For a message that may come to another host as well: one of them handles it at a time, and one of them ever. */
async function coordinated(
  handler: Receiver,
  host: ExactlyOnceHost,
  coordinator: Coordinator,
  context: ReceiveContext
): Promise<void> {
  const { source, id, guarantee } = context.message
  if (guarantee?.mode !== 'exactly-once') return repeat(handler, host, context)
  const delivery = `${source} ${id}`
  const timeout = (context.inbound.timeout ?? ATTEMPT) * SHARE
  const lock = await coordinator.acquire(delivery, { timeout, signal: context.signal })
  try {
    if (await coordinator.delivered(delivery)) context.again()
    else if (!context.settled) await repeat(handler, host, context, shareOf(coordinator, delivery, lock))
  } finally {
    await lock.release()
  }
}

/** ms, of a message that nobody gave a time. The specification's delivery timeout. */
const ATTEMPT = 5_000
/** Of an attempt's time, for the lock: so that its sender hears why there was none before it gives the attempt up. A guess. */
const SHARE = 0.6

function shareOf(coordinator: Coordinator, delivery: string, lock: DeliveryLock): SharedState {
  return new SharedState(coordinator, delivery, lock)
}

/** One run of a handler, whose word counts while it runs. */
class Run implements Context {
  readonly #context: ReceiveContext
  readonly #transaction: Transaction
  /** By which other hosts learn that it was handled, before its sender does. */
  readonly #fact: Transaction | undefined
  #over = false
  /** A commit met a conflict, and none came through since. */
  #conflicted = false
  #commit: Promise<void> | undefined

  constructor(context: ReceiveContext, transaction: Transaction, fact: Transaction | undefined) {
    this.#context = context
    this.#transaction = transaction
    this.#fact = fact
  }

  /** Nothing that it says later counts. Resolves, once its commit has ended, with whether that met a conflict. */
  async end(): Promise<boolean> {
    this.#over = true
    await this.#commit?.catch(() => {})
    return this.#conflicted
  }

  get signal(): AbortSignal {
    return this.#context.signal
  }
  get attempt(): number {
    return this.#context.attempt
  }
  get sender(): { peer: string; agent: string } {
    return this.#context.sender
  }
  get deadline(): number | undefined {
    return this.#context.deadline
  }
  get state(): AgentState {
    return this.#transaction
  }

  ack(): void {
    if (this.#over || this.#context.settled) return
    this.#conflicted = false
    if (this.#fact === undefined) this.#context.ack()
    // Where that fails the message was refused.
    else this.#context.complete(this.#fact, []).catch(() => {})
  }

  nak(delay?: number): void {
    if (!this.#over) this.#context.nak(delay)
  }

  term(reason?: string): void {
    if (!this.#over) this.#context.term(reason)
  }

  working(): void {
    if (!this.#over) this.#context.working()
  }

  commit(changes: readonly StateChange[] = []): Promise<void> {
    this.#commit = this.#complete(changes)
    return this.#commit
  }

  async #complete(changes: readonly StateChange[]): Promise<void> {
    if (this.#over) throw new MeshError('ERR_SETTLED', 'this run of the handler is over')
    try {
      await this.#context.complete(this.#transaction, changes)
      this.#conflicted = false
    } catch (error) {
      if ((error as MeshError).code === 'ERR_CONFLICT') this.#conflicted = !this.#context.settled
      throw error
    }
  }
}
