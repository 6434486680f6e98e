import type { Known } from './known.ts'
import type { View } from './view.ts'

/** Targets remembered for the day when everybody is lost. */
const MAX_REMEMBERED = 128
/** Bootstrap addresses dialled in one attempt. */
const MAX_BOOTSTRAP = 16
/** Waits of the one of two for the other to dial first, and of a redial of the dead, in units of the dial back-off. */
const DEFERENCE = 8
const DEAD_WAIT = 20
/** ms by which our event loop may lag before handshakes are done one after the other. A guess: two handshakes' time. */
const BUSY = 40

/** A target that is or was dialled. Steady ms: a wait that our own lag used up would end for everybody at once. */
interface Attempt {
  at: number
  failures: number
  inFlight: boolean
}

/**
 * Whom to dial and when. Invariants: one dial a target and `maxDials` in all are under way; every wait is jittered,
 * so that nodes started together do not dial together. While the event loop lags one more at a time is begun: handshakes
 * that share a processor time each other out, and what was spent on them is lost.
 */
export class Dialer {
  readonly #view: View
  readonly #attempts = new Map<string, Attempt>()
  /** PeerId reached by a bootstrap address that does not name one. */
  readonly #reached = new Map<string, string>()
  /** Peers once connected or known, the latest last. */
  readonly #remembered = new Set<string>()
  #inFlight = 0
  /** How many may be in flight now. */
  #dials = 1
  /** Of the first bootstrap attempt, what is being dialled; undefined before it began. */
  #first: Set<string> | undefined
  #bootstrapAt = 0
  #bootstrapFailures = 0

  constructor(view: View) {
    this.#view = view
  }

  /** True until the first bootstrap attempt is over. */
  get joining(): boolean {
    return this.#first === undefined || this.#first.size > 0
  }

  /** `lag`: ms by which the tick was late. */
  tick(lag: number): void {
    const view = this.#view
    if (view.leaving || !view.ready) return
    this.#dials = lag > BUSY ? 1 : view.options.maxDials
    if (view.steady >= this.#bootstrapAt) {
      this.#bootstrapAt = view.steady + this.#bootstrapWait()
      view.sink.push({ kind: 'read-bootstrap' })
    }
    this.#dialWanted()
    for (const [target, attempt] of this.#attempts) {
      if (!attempt.inFlight && view.steady - attempt.at > 2 * view.options.maxDialBackoff) this.#attempts.delete(target)
    }
  }

  #dialWanted(): void {
    for (const target of this.#wanted()) {
      if (this.#inFlight >= this.#dials) return
      this.#dialWhenDue(target)
    }
  }

  /** All addresses while alone; one that is not connected, now and then, while in a mesh. */
  bootstrap(addresses: readonly string[]): void {
    const view = this.#view
    const ours = view.own.record.addresses
    const open = addresses.filter((address) => {
      if (ours.some((own) => own === address || own.startsWith(`${address}/p2p/`))) return false
      const peer = peerOf(address) ?? this.#reached.get(address)
      return peer === undefined || (peer !== view.own.peer && !view.contacts.has(peer))
    })
    const count = view.contacts.size === 0 ? MAX_BOOTSTRAP : 1
    const begun = new Set<string>()
    for (let i = 0; i < count && open.length > 0; i++) {
      const [address] = open.splice(Math.floor(view.random() * open.length), 1)
      const attempt = this.#attempt(address!, 0)
      this.#dial(address!, attempt, this.#view.options.maxDials)
      if (attempt.inFlight) begun.add(address!)
    }
    this.#first ??= begun
  }

  dialled(target: string, reached: string | undefined): void {
    this.#first?.delete(target)
    const attempt = this.#attempts.get(target)
    if (attempt === undefined || !attempt.inFlight) return
    attempt.inFlight = false
    this.#inFlight--
    // Also one that succeeded waits, longer each time, until the peer is a contact: it may not speak our protocol.
    attempt.failures++
    attempt.at = this.#view.steady + this.#backoff(attempt.failures)
    if (reached !== undefined && reached !== target) {
      if (this.#reached.size < MAX_REMEMBERED) this.#reached.set(target, reached)
    }
    if (this.#view.ready && !this.#view.leaving) this.#dialWanted()
  }

  connected(peer: string): void {
    this.#bootstrapFailures = 0
    this.#settle(peer)
    this.#remembered.delete(peer)
    this.#remembered.add(peer)
    if (this.#remembered.size > MAX_REMEMBERED) this.#remembered.delete(this.#remembered.keys().next().value!)
  }

  disconnected(peer: string): void {
    this.#settle(peer)
    if (this.#view.contacts.size === 0) this.#bootstrapAt = this.#view.steady
  }

  #settle(peer: string): void {
    const attempt = this.#attempts.get(peer)
    if (attempt === undefined) return
    if (attempt.inFlight) attempt.failures = 0
    else this.#attempts.delete(peer)
  }

  *#wanted(): Generator<string> {
    const { contacts, known, options } = this.#view
    if (contacts.size < options.fullMeshLimit) {
      for (const member of known.values()) if (this.#isWanted(member)) yield member.peer
    }
    if (contacts.size === 0) for (const peer of this.#remembered) if (!known.has(peer)) yield peer
  }

  /** Not who cannot be reached yet: it would only wait longer once a relay has given it an address. */
  #isWanted(member: Known): boolean {
    return member.state !== 'left' && member.record.addresses.length > 0 && !this.#view.contacts.has(member.peer)
  }

  #dialWhenDue(target: string): void {
    const { own, steady, known, options } = this.#view
    const first = dialsFirst(own.peer, target) ? 0 : DEFERENCE * options.dialBackoff
    const dead = known.get(target)?.isLive === false ? DEAD_WAIT * options.dialBackoff : 0
    const attempt = this.#attempt(target, first + dead)
    if (attempt.at <= steady) this.#dial(target, attempt, this.#dials)
  }

  #attempt(target: string, wait: number): Attempt {
    let attempt = this.#attempts.get(target)
    if (attempt === undefined) {
      const jitter = this.#view.random() * this.#view.options.dialBackoff
      attempt = { at: this.#view.steady + wait + jitter, failures: 0, inFlight: false }
      this.#attempts.set(target, attempt)
    }
    return attempt
  }

  #dial(target: string, attempt: Attempt, limit: number): void {
    if (attempt.inFlight || this.#inFlight >= limit) return
    attempt.inFlight = true
    this.#inFlight++
    this.#view.sink.push({ kind: 'dial', target })
  }

  /** Exponential with full jitter above a tenth. */
  #backoff(failures: number): number {
    const { dialBackoff, maxDialBackoff } = this.#view.options
    const ceiling = Math.min(maxDialBackoff, dialBackoff * 2 ** Math.min(failures, 20))
    return ceiling * (0.1 + 0.9 * this.#view.random())
  }

  #bootstrapWait(): number {
    const { contacts, options, random } = this.#view
    if (contacts.size > 0) return options.bootstrapInterval * (0.75 + 0.5 * random())
    return this.#backoff(this.#bootstrapFailures++)
  }
}

/** The same answer on both sides, and each is the first for about half of the others. */
function dialsFirst(own: string, other: string): boolean {
  const even = (own.charCodeAt(own.length - 1) + other.charCodeAt(other.length - 1)) % 2 === 0
  return even === own < other
}

/** The PeerId that a multiaddr ends in. */
function peerOf(address: string): string | undefined {
  const at = address.lastIndexOf('/p2p/')
  return at === -1 ? undefined : address.slice(at + 5).split('/')[0]
}
