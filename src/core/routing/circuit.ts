import type { Random, Sink } from '../machine.ts'
import type { CircuitSettings } from './settings.ts'

export type CircuitState = 'closed' | 'open' | 'half-open'

/** What `node.events()` tells of a target: one agent name on one node. */
export type CircuitEvent =
  | { kind: 'circuit-opened'; peer: string; agent: string; failures: number; coolDown: number }
  | { kind: 'circuit-half-opened'; peer: string; agent: string }
  | { kind: 'circuit-closed'; peer: string; agent: string }

/**
 * A circuit breaker (Nygard, "Release It!", 2007) that begins with the first failure: a target that never failed has none,
 * so success costs healthy targets nothing. Time is monotonic ms and never goes back.
 */
export class Circuit {
  readonly peer: string
  readonly agent: string
  state: CircuitState = 'closed'
  /** While open: when the first probe may go. */
  retryAt = 0

  readonly #settings: CircuitSettings
  readonly #random: Random
  readonly #events: Sink<CircuitEvent>
  /** The last `#calls` outcomes, the newest in the lowest bit; 1 is a failure. */
  #outcomes = 0
  #calls = 0
  #failuresInARow = 0
  #openings = 0
  #probesSent = 0
  #probesAnswered = 0
  #probeDeadline = 0

  constructor(peer: string, agent: string, settings: CircuitSettings, random: Random, events: Sink<CircuitEvent>) {
    this.peer = peer
    this.agent = agent
    this.#settings = settings
    this.#random = random
    this.#events = events
  }

  /** True when nothing is left to remember: closed, and a whole window without a failure. */
  get forgettable(): boolean {
    return this.state === 'closed' && this.#calls === this.#settings.window && this.#outcomes === 0
  }

  /** Whether a call may go now. Changes nothing. */
  admits(now: number): boolean {
    if (this.state === 'closed') return true
    if (this.state === 'open') return now >= this.retryAt
    return this.#probesSent < this.#settings.probes || now >= this.#probeDeadline
  }

  /** A call that was admitted goes: while not closed it is a probe. */
  enter(now: number): void {
    if (this.state === 'closed') return
    if (this.state === 'open') {
      this.state = 'half-open'
      this.#events.push({ kind: 'circuit-half-opened', peer: this.peer, agent: this.agent })
      this.#probesSent = this.#probesAnswered = 0
    } else if (now >= this.#probeDeadline) {
      this.#probesSent = this.#probesAnswered
    }
    this.#probesSent++
    this.#probeDeadline = now + this.#settings.probeTimeout
  }

  succeeded(): void {
    // An answer to a call made before the circuit opened says nothing about now.
    if (this.state === 'open') return
    if (this.state === 'half-open') {
      if (++this.#probesAnswered >= this.#settings.probes) this.#close()
      return
    }
    this.#failuresInARow = 0
    this.#record(0)
  }

  failed(now: number): void {
    if (this.state === 'open') return
    if (this.state === 'half-open') {
      this.#open(now)
      return
    }
    this.#failuresInARow++
    this.#record(1)
    const { consecutiveFailures, minimumCalls, failureRate } = this.#settings
    const tooMany = this.#calls >= minimumCalls && ones(this.#outcomes) >= failureRate * this.#calls
    if (this.#failuresInARow >= consecutiveFailures || tooMany) this.#open(now)
  }

  /** The call ended and says nothing: a probe's slot is free again. */
  abandoned(): void {
    if (this.state === 'half-open' && this.#probesSent > this.#probesAnswered) this.#probesSent--
  }

  #open(now: number): void {
    const { coolDown, maxCoolDown } = this.#settings
    const longest = Math.min(maxCoolDown, coolDown * 2 ** Math.min(this.#openings++, 30))
    const jittered = longest / 2 + (longest / 2) * this.#random()
    this.state = 'open'
    this.retryAt = now + jittered
    const failures = Math.max(this.#failuresInARow, ones(this.#outcomes))
    this.#events.push({ kind: 'circuit-opened', peer: this.peer, agent: this.agent, failures, coolDown: jittered })
  }

  /** The number of openings stays, so that a target which flaps cools down longer each time. */
  #close(): void {
    this.state = 'closed'
    this.#outcomes = this.#calls = this.#failuresInARow = 0
    this.#events.push({ kind: 'circuit-closed', peer: this.peer, agent: this.agent })
  }

  #record(outcome: 0 | 1): void {
    const { window } = this.#settings
    const mask = window >= 32 ? -1 : (1 << window) - 1
    this.#outcomes = ((this.#outcomes << 1) | outcome) & mask
    if (this.#calls < window) this.#calls++
  }
}

/** Set bits of a 32-bit integer. */
function ones(bits: number): number {
  let count = 0
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++
  return count
}
