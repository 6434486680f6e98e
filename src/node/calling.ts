import type { WireMessage } from '../../protocols/envelope/wire-message.ts'
import type { MeshError } from '../../protocols/errors.ts'
import type { Member } from '../core/routing/group.ts'
import type { Router } from '../core/routing/router.ts'
import type { Wish } from '../core/routing/wish.ts'
import type { Composer, Particulars } from '../runtime/delivery/composer.ts'
import type { LocalBus } from '../runtime/delivery/local-bus.ts'
import type { RequestResponse } from '../runtime/delivery/request-response.ts'
import type { Serve } from '../runtime/delivery/served-call.ts'
import type { LinkTable } from '../runtime/links/table.ts'
import type { Clock } from '../runtime/ports.ts'
import type { Resolver } from './resolver.ts'

/** What is needed to ask an agent, here or elsewhere. */
export interface CallerParts {
  self: string
  clock: Clock
  links: LinkTable
  router: Router
  resolver: Resolver
  composer: Composer
  requests: RequestResponse
  bus: LocalBus
  serve: Serve
}

/** What a caller says of one call. */
export interface CallOptions {
  particulars: Particulars | undefined
  wish: Wish | undefined
  /** ms; undefined: no deadline. */
  timeout: number | undefined
  signal: AbortSignal | undefined
  /** May run on another member although it was transmitted to one. */
  idempotent: boolean
}

/** One call on its way, wherever it is answered. */
export interface Attempt {
  member: Member
  /** One reply; never settles where a stream was asked for. */
  reply: Promise<WireMessage>
  parts: AsyncIterableIterator<WireMessage> | undefined
  cancel(reason: MeshError): void
  /** What was asked, as it was then: another attempt asks the same. */
  data(): unknown
  /** False while it certainly has not left this node. */
  transmitted(): boolean
}

/** The request's own stream of data, where it has one. */
export function streamOf(data: unknown): AsyncIterable<unknown> | undefined {
  return typeof data === 'object' && data !== null && Symbol.asyncIterator in data
    ? (data as AsyncIterable<unknown>)
    : undefined
}

/** Tells a source that nobody reads on, whatever it is waiting for and whatever it makes of that. */
export function leave(items: AsyncIterator<unknown>): void {
  const left = async (): Promise<unknown> => items.return?.()
  left().catch(() => {})
}
