import { pack, unpack } from '../../../protocols/envelope/messagepack.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { GroupClient } from '../../runtime/consensus/client/group-client.ts'
import type { Clock } from '../../runtime/ports.ts'
import { EventHub } from '../events.ts'
import { acquire, type Holding } from './holding.ts'
import { type Wait, waitOf } from './options.ts'
import type { Election, Leader } from './types.ts'

export interface Candidate {
  readonly client: GroupClient
  readonly clock: Clock
  /** As the state knows the lock of the election. */
  readonly name: string
  readonly agent: string
  /** PeerId of this node. */
  readonly peer: string
  readonly ttl: number
  /** Of one attempt: no two are the same. */
  nonce(): string
  /** Called when the agent is closed; what it returns is called when the candidate has resigned. */
  onClosed(resign: () => void): () => void
}

/** ms before a candidate that could not ask asks again. A guess. */
const AGAIN = 500

/** A candidacy: a place in the line for the election's lock, and a look at who has it. */
export class Candidacy implements Election {
  readonly #candidate: Candidate
  readonly #ending = new AbortController()
  readonly #changes = new EventHub<Leader>()
  readonly #known = Promise.withResolvers<void>()
  readonly #leave: () => void
  #holding: Holding | undefined
  /** Aborts with the leadership that is held, or the next. */
  #lost = new AbortController()
  #leader: Leader | undefined
  #resigned: Promise<void> | undefined
  #standing: Promise<void>

  constructor(candidate: Candidate) {
    this.#candidate = candidate
    this.#known.promise.catch(() => {})
    this.#leave = candidate.onClosed(() => void this.resign().catch(() => {}))
    this.#standing = this.#stand()
    void this.#observe()
  }

  /** Resolves once somebody leads. */
  get known(): Promise<void> {
    return this.#known.promise
  }

  get leader(): Leader {
    return this.#leader!
  }

  get isLeader(): boolean {
    return this.#holding?.isHeld === true
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  changes(options: { signal?: AbortSignal | undefined } = {}): AsyncIterableIterator<Leader> {
    return this.#changes.read(options.signal)
  }

  async resign(options: Parameters<Election['resign']>[0] = {}): Promise<void> {
    const wait = waitOf(options, 'resign')
    this.#resigned ??= this.#resign(wait)
    return this.#resigned
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Else the ttl ends it.
    await this.resign().catch(() => {})
  }

  async #resign(wait: Wait): Promise<void> {
    this.#leave()
    this.#ending.abort()
    this.#changes.close()
    const resigned = new MeshError('ERR_ABORTED', 'the candidate has resigned')
    this.#known.reject(resigned)
    // What it does as the leader has to end first.
    if (this.isLeader) this.#lost.abort(resigned)
    await this.#standing
    await this.#holding?.release(wait)
  }

  // ---- standing ----------------------------------------------------------------------------------------------------

  /** In line until it leads, and again once that is lost. */
  async #stand(): Promise<void> {
    const { client, clock, name, agent, peer, ttl, nonce } = this.#candidate
    const { signal } = this.#ending
    while (!signal.aborted && !client.closed) {
      try {
        const waiter = waiterOf({ agent, peer, nonce: nonce() })
        const holding = await acquire({ client, clock, name, waiter, ttl, signal, timeout: Number.POSITIVE_INFINITY })
        this.#lead(holding)
        await ended(holding.lost, signal)
        if (!signal.aborted) this.#lost.abort(holding.lost.reason)
      } catch (error) {
        if (!(error instanceof MeshError)) throw error
        if (!signal.aborted && !client.closed) await this.#pause()
      }
    }
  }

  #lead(holding: Holding): void {
    const { agent, peer } = this.#candidate
    this.#holding = holding
    if (this.#lost.signal.aborted) this.#lost = new AbortController()
    this.#leads({ agent, peer, token: holding.token })
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#candidate.clock.after(AGAIN, resolve))
  }

  // ---- observing ---------------------------------------------------------------------------------------------------

  async #observe(): Promise<void> {
    const { client, name } = this.#candidate
    const { signal } = this.#ending
    let known = pack(undefined)
    while (!signal.aborted && !client.closed) {
      try {
        known = await client.changed('locks', { holder: name }, known, { signal })
        const holder = unpack(known) as { waiter: string; token: number } | undefined
        const leader = holder && leaderOf(holder)
        if (leader !== undefined) this.#leads(leader)
      } catch (error) {
        if (!(error instanceof MeshError)) throw error
        if (!signal.aborted && !client.closed) await this.#pause()
      }
    }
  }

  /** What is older than what is known is news of somebody slow. */
  #leads(leader: Leader): void {
    if (this.#ending.signal.aborted || leader.token <= (this.#leader?.token ?? 0)) return
    this.#leader = leader
    this.#known.resolve()
    this.#changes.emit(leader)
  }
}

/** PeerIds and nonces have no spaces. */
function waiterOf({ agent, peer, nonce }: { agent: string; peer: string; nonce: string }): string {
  return `${peer} ${nonce} ${agent}`
}

function leaderOf({ waiter, token }: { waiter: string; token: number }): Leader | undefined {
  const [peer, nonce, ...agent] = waiter.split(' ')
  return peer === undefined || nonce === undefined ? undefined : { agent: agent.join(' '), peer, token }
}

function ended(...signals: AbortSignal[]): Promise<void> {
  const any = AbortSignal.any(signals)
  return new Promise((resolve) => {
    if (any.aborted) resolve()
    else any.addEventListener('abort', () => resolve(), { once: true })
  })
}
