import { MeshError } from '../../../protocols/errors.ts'
import { decodeRateMessage, encodeRateMessage, readRateEntry } from '../../../protocols/rate-limits/codec.ts'
import { ENTRY_PREFIX, Kind, RATE_LIMITS } from '../../../protocols/rate-limits/constants.ts'
import type { RateEntry, RateMessage } from '../../../protocols/rate-limits/messages.ts'
import type { Member, MembershipEvent } from '../../core/membership/types.ts'
import type { Link, LinkHandler, Links } from '../links/types.ts'
import type { Membership } from '../membership/types.ts'
import type { Clock } from '../ports.ts'
import { Limit } from './limit.ts'
import type { Acquired, AcquireOptions, RateLimit } from './types.ts'

export interface RatesParts {
  clock: Clock
  links: Links
  membership: Membership
  /** Nobody was named through whom to join: who is not in the view is not there. */
  first: boolean
}

/** Limits of one node at most: a guess. A shared one is an entry of the membership view. */
const MAX_LIMITS = 1_000

/** The driver of `protocols/rate-limits`, and all limits of a node. */
export class Rates implements LinkHandler {
  readonly protocol = RATE_LIMITS
  readonly lanes = ['control'] as const
  readonly #parts: RatesParts
  readonly #limits = new Map<string, Limit>()
  /** The stream that each peer opened to us: what goes back uses it. */
  readonly #inbound = new Map<string, Link>()
  readonly #leave: () => void

  constructor(parts: RatesParts) {
    this.#parts = parts
    parts.links.register(this)
    this.#leave = parts.membership.subscribe((event) => this.#told(event))
  }

  create(definition: Omit<RateLimit, 'ready'>): RateLimit {
    const { id, distributed } = definition
    const known = this.#limits.get(id)
    if (known !== undefined) {
      if (!isSame(known.definition, definition) || known.definition.distributed !== distributed)
        throw differs(id, 'here')
      return asRateLimit(known)
    }
    if (this.#limits.size >= MAX_LIMITS) throw new MeshError('ERR_LIMIT', `more than ${MAX_LIMITS} rate limits`)
    const { membership } = this.#parts
    const members = distributed ? [...membership.members()] : []
    for (const member of members) {
      const entry = entryOf(member, id)
      if (entry !== undefined && !isSame(entry, definition)) throw differs(id, `at ${member.record.peer}`)
    }
    const limit = this.#limit(definition)
    this.#limits.set(id, limit)
    if (distributed) {
      for (const member of members) this.#entry(limit, member.record.peer, entryOf(member, id))
      limit.join(this.#parts.first && members.length === 0)
    }
    return asRateLimit(limit)
  }

  acquire(id: string, tokens: number, options: AcquireOptions): Promise<Acquired> {
    const limit = this.#limits.get(id)
    if (limit === undefined) return Promise.reject(noSuch(id))
    const { capacity, burst } = limit.definition
    if (tokens > capacity + burst) {
      const text = `${tokens} tokens of ${id}, which holds ${capacity + burst} at most`
      return Promise.reject(new MeshError('ERR_LIMIT', text, { details: { id, most: capacity + burst } }))
    }
    return limit.acquire(tokens, options)
  }

  get(id: string): RateLimit | undefined {
    const limit = this.#limits.get(id)
    return limit && asRateLimit(limit)
  }

  remove(id: string): boolean {
    const limit = this.#limits.get(id)
    if (limit === undefined) return false
    this.#limits.delete(id)
    limit.close(noSuch(id))
    if (limit.definition.distributed) this.#parts.membership.delete(ENTRY_PREFIX + id)
    return true
  }

  stop(): void {
    this.#leave()
    for (const limit of this.#limits.values()) limit.close(new MeshError('ERR_STOPPED', 'the node is stopped'))
    this.#limits.clear()
  }

  #limit(definition: Omit<RateLimit, 'ready'>): Limit {
    const { clock, membership } = this.#parts
    return new Limit(
      {
        self: membership.self.peer,
        clock,
        send: (to, message) => this.#send(to, message),
        announce: (id, entry) => membership.announced(membership.set(ENTRY_PREFIX + id, entry))
      },
      definition
    )
  }

  // ---- who takes part ----------------------------------------------------------------------------------------------

  #told(event: MembershipEvent): void {
    if (event.kind === 'entry') {
      const { key, value } = event.entry
      if (!key.startsWith(ENTRY_PREFIX)) return
      const limit = this.#limits.get(key.slice(ENTRY_PREFIX.length))
      if (limit !== undefined) this.#entry(limit, event.member.record.peer, readRateEntry(value))
    } else if (event.kind === 'member-down') {
      const { peer } = event.member.record
      for (const limit of this.#limits.values()) limit.handle({ kind: 'gone', peer, left: event.reason === 'left' })
    }
  }

  /** Who has it with other options shares another limit. */
  #entry(limit: Limit, peer: string, entry: RateEntry | undefined): void {
    const { definition } = limit
    if (!definition.distributed || peer === this.#parts.membership.self.peer) return
    if (entry !== undefined && isSame(entry, definition)) limit.handle({ kind: 'sharer', peer, used: entry.used })
    else limit.handle({ kind: 'gone', peer, left: true })
  }

  // ---- LinkHandler -------------------------------------------------------------------------------------------------

  frame(link: Link, kind: number, body: Uint8Array): void {
    const message = decodeRateMessage(kind, body)
    if (link.direction === 'inbound') this.#inbound.set(link.peer, link)
    const limit = this.#limits.get(message.id)
    if (limit?.definition.distributed) limit.handle({ kind: 'message', from: link.peer, message })
  }

  closed(link: Link): void {
    if (this.#inbound.get(link.peer) === link) this.#inbound.delete(link.peer)
  }

  #send(to: string, message: RateMessage): void {
    try {
      const link = this.#inbound.get(to) ?? this.#parts.links.to(to, RATE_LIMITS, 'control')
      link.send(Kind[message.kind], encodeRateMessage(message), false)
    } catch (error) {
      // It is said again, or not worth saying.
      if (!(error instanceof MeshError)) throw error
    }
  }
}

function entryOf(member: Member, id: string): RateEntry | undefined {
  return readRateEntry(member.entries.get(ENTRY_PREFIX + id)?.value)
}

function isSame(a: Omit<RateEntry, 'used'>, b: Omit<RateEntry, 'used'>): boolean {
  return a.capacity === b.capacity && a.refillRate === b.refillRate && a.burst === b.burst
}

function asRateLimit({ definition, ready }: Limit): RateLimit {
  return { ...definition, ready }
}

function differs(id: string, where: string): MeshError {
  return new MeshError('ERR_CONFIG', `${id} exists ${where} with other options`, { details: { key: 'options', id } })
}

function noSuch(id: string): MeshError {
  return new MeshError('ERR_NO_SUCH_BUCKET', `there is no rate limit ${id} on this node`, { details: { id } })
}
