import { MeshError, wasThrown } from '../../protocols/errors.ts'
import type { Member } from '../core/routing/group.ts'
import type { Router } from '../core/routing/router.ts'
import { fits, type Wish } from '../core/routing/wish.ts'
import { ExpiringCache } from '../runtime/directory/cache.ts'
import type { Directory } from '../runtime/directory/types.ts'
import type { Membership } from '../runtime/membership/types.ts'
import type { Clock, Host } from '../runtime/ports.ts'
import { nobody } from './registry.ts'
import { type Bounds, bounded } from './waiting.ts'

export interface ResolverParts {
  clock: Clock
  host: Host
  router: Router
  membership: Membership
  directory: Pick<Directory, 'find' | 'forget'>
  /** ms. */
  resolveTimeout: number
  /** Somebody waits for room at a member that is called as much as it answers. */
  throttled: () => void
}

/** The instance of a member that the directory named: its host chooses. */
const SOMEBODY = '*'
/** ms for which what the directory said is believed. A guess. */
const BELIEVED = 30_000
/** ms for which a host that has no such agent, or is not there, is not taken again. A guess: a restart takes as long. */
const REFUSED = 2_000
const MAX_REFUSED = 4_096
/** Hosts taken from one answer: one may be gone, more need not be known. */
const ENOUGH = 3

/**
 * What to do where the router knows nobody who may be called. With a full view nobody else has the name; with a partial
 * one the directory is asked, once at a time for each name.
 */
export class Resolver {
  readonly #parts: ResolverParts
  readonly #asking = new Map<string, Promise<void>>()
  readonly #refused = new ExpiringCache<true>(MAX_REFUSED)

  constructor(parts: ResolverParts) {
    this.#parts = parts
  }

  /**
   * Resolves once the router knows somebody, and for a call of that type that there may be room; rejects with
   * `ERR_NO_RESPONDERS` or `ERR_CIRCUIT_OPEN`, and as `bounds` say.
   */
  resolve(name: string, type: string | undefined, wish?: Wish, bounds?: Bounds): Promise<void> {
    const { router, clock } = this.#parts
    // Whoever waits for room waits in the order of asking; that a wish's key has one owner only, that owner decides.
    if (type !== undefined && router.throttled(name, type, clock.monotonic(), wish)) {
      this.#parts.throttled()
      return this.#room(name, type, wish, bounds)
    }
    return bounded(this.#found(name, wish), clock, bounds)
  }

  #found(name: string, wish: Wish | undefined): Promise<void> {
    const { router, membership } = this.#parts
    const members = router.group(name)?.members() ?? []
    const known = [...members].some((member) => fits(member, wish))
    const otherwise = known ? mayNotBeCalled(name) : nobody(name)
    // The directory knows hosts, not instances; and a key does not leave its owner because that one is in trouble.
    const settled = wish?.instance !== undefined || (known && wish?.key !== undefined)
    if (settled || !membership.partial) return Promise.reject(otherwise)
    const key = `${wish?.peer ?? ''}/${name}`
    let asking = this.#asking.get(key)
    if (asking === undefined) {
      asking = this.#ask(name, wish?.peer, otherwise).finally(() => this.#asking.delete(key))
      this.#asking.set(key, asking)
    }
    return asking
  }

  #room(name: string, type: string, wish: Wish | undefined, bounds: Bounds | undefined): Promise<void> {
    const { router, clock } = this.#parts
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiter = router.wait(name, type, wish, resolve)
    if (waiter === undefined) resolve()
    return bounded(promise, clock, bounds).catch((error: unknown) => {
      waiter?.leave()
      throw error
    })
  }

  /** Those known now. A host that the directory named has one entry, and chooses its instance itself. */
  members(name: string): { peer: string; instance: string | undefined }[] {
    return Array.from(this.#parts.router.group(name)?.members() ?? [], ({ target, instance }) => ({
      peer: target.place.peer,
      instance: instance === SOMEBODY ? undefined : instance
    }))
  }

  /** A call failed at the member: where it has no such agent, or is not there, the directory was wrong about it. */
  failed({ instance, target }: Member, error: unknown): void {
    if (instance !== SOMEBODY || wasThrown(error) || !isAbsence(error)) return
    const { router, directory, clock } = this.#parts
    const { agent, place } = target
    router.remove(agent, place.peer, SOMEBODY)
    this.#refused.set(`${place.peer}/${agent}`, true, clock.monotonic() + REFUSED)
    directory.forget(agent, place.peer)
  }

  /** Settles with the first host found; looks for a few more meanwhile. */
  #ask(name: string, wanted: string | undefined, otherwise: MeshError): Promise<void> {
    const { clock, resolveTimeout } = this.#parts
    const found = Promise.withResolvers<void>()
    const deadline = new AbortController()
    const timer = clock.after(resolveTimeout, () => deadline.abort(otherwise))
    void this.#look(name, wanted, deadline.signal, found.resolve)
      .catch(() => {})
      .finally(() => {
        timer.cancel()
        found.reject(otherwise)
      })
    return found.promise
  }

  async #look(name: string, wanted: string | undefined, signal: AbortSignal, found: () => void): Promise<void> {
    const { host, directory } = this.#parts
    let count = 0
    for await (const { peer, addresses } of directory.find(name, { signal })) {
      if (peer === host.peer || (wanted !== undefined && peer !== wanted) || !this.#takes(name, peer)) continue
      host.learn(peer, addresses)
      found()
      if (++count >= ENOUGH) return
    }
  }

  /** False where the host is known to be no use now. */
  #takes(name: string, peer: string): boolean {
    const { clock, router } = this.#parts
    const now = clock.monotonic()
    if (this.#refused.get(`${peer}/${name}`, now)) return false
    const target = router.group(name)?.targets.get(peer)
    if (target !== undefined) return target.circuit?.admits(now) !== false
    router.add(name, peer, SOMEBODY)
    clock.after(BELIEVED, () => router.remove(name, peer, SOMEBODY))
    return true
  }
}

function mayNotBeCalled(name: string): MeshError {
  return new MeshError('ERR_CIRCUIT_OPEN', `nobody named ${name} may be called now`, { details: { agent: name } })
}

/** Also where the link was never opened because its peer was not there. */
function isAbsence(error: unknown): boolean {
  const { code, cause } = error as MeshError
  const reason = code === 'ERR_LINK_CLOSED' ? (cause as MeshError | undefined)?.code : code
  return reason === 'ERR_NO_RESPONDERS' || reason === 'ERR_PEER_UNREACHABLE'
}
