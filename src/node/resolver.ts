import { MeshError } from '../../protocols/errors.ts'
import type { Membership } from '../core/membership/types.ts'
import type { Router } from '../core/routing/router.ts'
import type { Clock, Host } from '../runtime/ports.ts'
import { nobody } from './registry.ts'

/** Finds the hosts of an agent beyond the view. */
export interface Directory {
  find(name: string, options: { signal: AbortSignal }): AsyncIterable<{ peer: string; addresses: readonly string[] }>
}

export interface ResolverParts {
  clock: Clock
  host: Host
  router: Router
  membership: Membership
  directory: Directory
  /** ms. */
  resolveTimeout: number
}

/** The instance of a member that the directory named: its host chooses. */
const SOMEBODY = '*'
/** ms for which what the directory said is believed. A guess: a tenth of a record's life. */
const BELIEVED = 30_000

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
  resolve(name: string): Promise<void> {
    const { router, membership } = this.#parts
    if (router.has(name)) {
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

  async #ask(name: string): Promise<void> {
    const { clock, host, router, directory, resolveTimeout } = this.#parts
    const deadline = new AbortController()
    const timer = clock.after(resolveTimeout, () => deadline.abort(nobody(name)))
    try {
      for await (const { peer, addresses } of directory.find(name, { signal: deadline.signal })) {
        if (peer === host.peer) continue
        host.learn(peer, addresses)
        router.add(name, peer, SOMEBODY)
        clock.after(BELIEVED, () => router.remove(name, peer, SOMEBODY))
        return
      }
    } catch (error) {
      if (!deadline.signal.aborted) throw error
    } finally {
      timer.cancel()
    }
    throw nobody(name)
  }
}
