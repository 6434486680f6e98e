import type { Known } from './known.ts'
import type { View } from './view.ts'

/** Targets remembered for the day when everybody is lost. */
const MAX_REMEMBERED = 128
/** Bootstrap addresses dialled in one attempt. */
const MAX_BOOTSTRAP = 16
/** Waits of the higher PeerId for the lower one to dial first, and of a redial of the dead, in units of the dial back-off. */
const DEFERENCE = 4
const DEAD_WAIT = 20

/** A target that is or was dialled. Monotonic ms. */
interface Attempt {
  at: number
  failures: number
  inFlight: boolean
}

/**
 * Whom to dial and when. Invariants: one dial a target and `maxDials` in all are under way; every wait is jittered,
 * so that nodes started together do not dial together.
 */
export class Dialer {
  readonly #view: View
  readonly #attempts = new Map<string, Attempt>()
  /** PeerId reached by a bootstrap address that does not name one. */
  readonly #reached = new Map<string, string>()
  /** Peers once connected or known, the latest last. */
  readonly #remembered = new Set<string>()
  #inFlight = 0
  #bootstrapAt = 0
  #bootstrapFailures = 0

  constructor(view: View) {
    this.#view = view
  }

  tick(): void {
    const view = this.#view
    if (view.leaving || !view.ready) return
    if (view.now >= this.#bootstrapAt) {
      this.#bootstrapAt = view.now + this.#bootstrapWait()
      view.sink.push({ kind: 'read-bootstrap' })
    }
    for (const target of this.#wanted()) this.#dialWhenDue(target)
    for (const [target, attempt] of this.#attempts) {
      if (!attempt.inFlight && view.now - attempt.at > 2 * view.options.maxDialBackoff) this.#attempts.delete(target)
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
    for (let i = 0; i < count && open.length > 0; i++) {
      const [address] = open.splice(Math.floor(view.random() * open.length), 1)
      this.#dial(address!, this.#attempt(address!, 0))
    }
  }

  dialled(target: string, reached: string | undefined): void {
    const attempt = this.#attempts.get(target)
    if (attempt === undefined || !attempt.inFlight) return
    attempt.inFlight = false
    this.#inFlight--
    // Also one that succeeded waits, longer each time, until the peer is a contact: it may not speak our protocol.
    attempt.failures++
    attempt.at = this.#view.now + this.#backoff(attempt.failures)
    if (reached !== undefined && reached !== target) {
      if (this.#reached.size < MAX_REMEMBERED) this.#reached.set(target, reached)
    }
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
    if (this.#view.contacts.size === 0) this.#bootstrapAt = this.#view.now
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
    const { own, now, known, options } = this.#view
    const first = own.peer < target ? 0 : DEFERENCE * options.dialBackoff
    const dead = known.get(target)?.isLive === false ? DEAD_WAIT * options.dialBackoff : 0
    const attempt = this.#attempt(target, first + dead)
    if (attempt.at <= now) this.#dial(target, attempt)
  }

  #attempt(target: string, wait: number): Attempt {
    let attempt = this.#attempts.get(target)
    if (attempt === undefined) {
      const jitter = this.#view.random() * this.#view.options.dialBackoff
      attempt = { at: this.#view.now + wait + jitter, failures: 0, inFlight: false }
      this.#attempts.set(target, attempt)
    }
    return attempt
  }

  #dial(target: string, attempt: Attempt): void {
    if (attempt.inFlight || this.#inFlight >= this.#view.options.maxDials) return
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

/** The PeerId that a multiaddr ends in. */
function peerOf(address: string): string | undefined {
  const at = address.lastIndexOf('/p2p/')
  return at === -1 ? undefined : address.slice(at + 5).split('/')[0]
}
