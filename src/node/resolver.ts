import { MeshError } from '../../protocols/errors.ts'
import type { Membership } from '../core/membership/types.ts'
import type { Member } from '../core/routing/group.ts'
import type { Router, Wish } from '../core/routing/router.ts'
import type { Directory } from '../runtime/directory/types.ts'
import type { Clock, Host } from '../runtime/ports.ts'
import { nobody } from './registry.ts'

export interface ResolverParts {
  clock: Clock
  host: Host
  router: Router
  membership: Membership
  directory: Pick<Directory, 'find'>
  /** ms. */
  resolveTimeout: number
}

/** The instance of a member that the directory named: its host chooses. */
const SOMEBODY = '*'
/** ms for which what the directory said is believed. A guess. */
const BELIEVED = 30_000
/** Hosts taken from one answer: one may be gone, more need not be known. */
const ENOUGH = 3

/**
 * What to do about a name that the router does not know. With a full view nobody has it; with a partial one the
 * directory is asked, once at a time for each name.
 */
export class Resolver {
  readonly #parts: ResolverParts
  readonly #asking = new Map<string, Promise<void>>()

  constructor(parts: ResolverParts) {
    this.#parts = parts
  }

  /** Resolves once the router knows somebody; rejects with `ERR_NO_RESPONDERS` or `ERR_CIRCUIT_OPEN`. */
  resolve(name: string, wish?: Wish): Promise<void> {
    const { router, membership } = this.#parts
    const group = router.group(name)
    if (group !== undefined) {
      if (![...group.members()].some((member) => fits(member, wish))) return Promise.reject(nobody(name))
      return Promise.reject(
        new MeshError('ERR_CIRCUIT_OPEN', `nobody named ${name} may be called now`, { details: { agent: name } })
      )
    }
    if (!membership.partial) return Promise.reject(nobody(name))
    let asking = this.#asking.get(name)
    if (asking === undefined) {
      asking = this.#ask(name).finally(() => this.#asking.delete(name))
      this.#asking.set(name, asking)
    }
    return asking
  }

  /** Those known now. A host that the directory named has one entry, and chooses its instance itself. */
  members(name: string): { peer: string; instance: string | undefined }[] {
    return Array.from(this.#parts.router.group(name)?.members() ?? [], ({ target, instance }) => ({
      peer: target.place.peer,
      instance: instance === SOMEBODY ? undefined : instance
    }))
  }

  /** The member said that it has no such agent: what the directory said of it is not believed any longer. */
  disown(name: string, member: Member): void {
    if (member.instance === SOMEBODY) this.#parts.router.remove(name, member.target.place.peer, SOMEBODY)
  }

  /** Settles with the first host found; looks for a few more meanwhile. */
  #ask(name: string): Promise<void> {
    const { clock, resolveTimeout } = this.#parts
    const found = Promise.withResolvers<void>()
    const deadline = new AbortController()
    const timer = clock.after(resolveTimeout, () => deadline.abort(nobody(name)))
    void this.#look(name, deadline.signal, found.resolve)
      .catch(() => {})
      .finally(() => {
        timer.cancel()
        found.reject(nobody(name))
      })
    return found.promise
  }

  async #look(name: string, signal: AbortSignal, found: () => void): Promise<void> {
    const { clock, host, router, directory } = this.#parts
    let count = 0
    for await (const { peer, addresses } of directory.find(name, { signal })) {
      if (peer === host.peer) continue
      host.learn(peer, addresses)
      router.add(name, peer, SOMEBODY)
      clock.after(BELIEVED, () => router.remove(name, peer, SOMEBODY))
      found()
      if (++count >= ENOUGH) return
    }
  }
}

/** Whether the member is one that was asked for by its host or instance. */
function fits({ instance, target }: Member, wish: Wish | undefined): boolean {
  if (wish?.instance !== undefined && wish.instance !== instance) return false
  return wish?.peer === undefined || wish.peer === target.place.peer
}
