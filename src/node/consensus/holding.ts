import { MeshError } from '../../../protocols/errors.ts'
import type { GroupClient } from '../../runtime/consensus/client/group-client.ts'
import type { Clock, Timer } from '../../runtime/ports.ts'
import type { Wait } from './options.ts'

interface Held {
  readonly client: GroupClient
  readonly clock: Clock
  /** As the state knows it. */
  readonly name: string
  readonly token: number
  /** ms. */
  readonly ttl: number
  /** Monotonic ms when what granted or last renewed it was sent: its ttl runs from then on at the latest. */
  readonly sentAt: number
}

/**
 * A lock of the replicated state for as long as this node has it: renewed at thirds of its ttl, and lost, by this node's clock,
 * once the ttl has passed since the last renewal that succeeded was sent. Nobody else has it sooner: the leader's time began later.
 */
export class Holding {
  readonly token: number
  readonly #held: Held
  readonly #lost = new AbortController()
  #until: number
  #ending: Timer
  #renewing: Timer
  #over = false

  constructor(held: Held) {
    this.#held = held
    const { token, clock, sentAt, ttl } = held
    this.token = token
    this.#until = sentAt + ttl
    this.#ending = clock.after(this.#until - clock.monotonic(), () => this.#late())
    this.#renewing = clock.after(ttl / 3, () => this.#renew())
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** A timer may be late; the clock is not. */
  get isHeld(): boolean {
    return !this.#over && this.#held.clock.monotonic() < this.#until
  }

  /** Lets go of it. Rejects with `ERR_NO_QUORUM`, `ERR_ABORTED`: then it goes with its ttl. */
  async release(wait: Wait): Promise<void> {
    if (this.#over) return
    this.#end()
    const { client, name, token } = this.#held
    await client.propose('locks', { release: name, token }, wait)
  }

  #renew(): void {
    const { client, clock, name, token, ttl } = this.#held
    this.#renewing = clock.after(ttl / 3, () => this.#renew())
    client.propose('locks', { renew: name, token }, { timeout: ttl / 3 }).then(
      ({ value, sentAt }) => {
        if (value === true) this.#renewed(sentAt)
        else this.#lose('it is not this node’s any more')
      },
      // The next one comes, or the ttl is over.
      () => {}
    )
  }

  #renewed(sentAt: number): void {
    const { clock, ttl } = this.#held
    if (this.#over || sentAt + ttl <= this.#until) return
    this.#until = sentAt + ttl
    this.#ending.cancel()
    this.#ending = clock.after(this.#until - clock.monotonic(), () => this.#late())
  }

  #late(): void {
    this.#lose(`it was not renewed within ${this.#held.ttl} ms`)
  }

  #lose(why: string): void {
    if (this.#over) return
    this.#end()
    const { name, token } = this.#held
    this.#lost.abort(new MeshError('ERR_LOCK_TIMEOUT', `the lock is lost: ${why}`, { details: { name, token } }))
  }

  #end(): void {
    this.#over = true
    this.#ending.cancel()
    this.#renewing.cancel()
  }
}

interface Acquiring {
  readonly client: GroupClient
  readonly clock: Clock
  readonly name: string
  /** Of this attempt alone. */
  readonly waiter: string
  readonly ttl: number
  readonly signal: AbortSignal | undefined
  /** ms; Infinity for ever. */
  readonly timeout: number
}

/** ms for taking back what is not wanted any more: after that its ttl does it. */
const LEAVING = 5_000

/**
 * Waits in line, first come, first served, and says so at thirds of the ttl, or it would lose its place. Rejects with
 * `ERR_NO_QUORUM` at the timeout, `ERR_ABORTED`, `ERR_STOPPED`: then it does not wait any more.
 */
export async function acquire(acquiring: Acquiring): Promise<Holding> {
  const { client, clock, name, waiter, ttl, signal, timeout } = acquiring
  const end = clock.monotonic() + timeout
  const left = (): number => Math.max(0, end - clock.monotonic())
  try {
    for (;;) {
      const { value, sentAt } = await client.propose(
        'locks',
        { acquire: name, waiter, ttl },
        { signal, timeout: left() }
      )
      // One that took so long may have been granted and be over already: it is asked again.
      if (typeof value === 'number' && clock.monotonic() < sentAt + ttl) {
        return new Holding({ client, clock, name, token: value, ttl, sentAt })
      }
      // A call may be answered a little after its time.
      if (left() === 0) throw new MeshError('ERR_NO_QUORUM', `${name} was not granted in time`, { details: { name } })
      await client.granted(name, waiter, { signal, timeout: Math.min(left(), ttl / 3) })
    }
  } catch (error) {
    client.propose('locks', { leave: name, waiter }, { timeout: LEAVING }).catch(() => {})
    throw error
  }
}

/** A lock has its own word for it. */
export function lateLock(error: unknown, name: string): unknown {
  if (!(error instanceof MeshError) || error.code !== 'ERR_NO_QUORUM') return error
  return new MeshError('ERR_LOCK_TIMEOUT', 'the lock was not had in time', { cause: error, details: { name } })
}
