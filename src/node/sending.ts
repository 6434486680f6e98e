import type { Lane } from '../../protocols/framing/constants.ts'
import type { Router } from '../core/routing/router.ts'
import type { Wish } from '../core/routing/wish.ts'
import type { CausalDriver } from '../runtime/causality/driver.ts'
import type { Composer, Particulars } from '../runtime/delivery/composer.ts'
import type { Deliver } from '../runtime/delivery/inbound.ts'
import type { LocalBus } from '../runtime/delivery/local-bus.ts'
import type { PointToPoint } from '../runtime/delivery/point-to-point.ts'
import type { LinkTable } from '../runtime/links/table.ts'
import type { Clock } from '../runtime/ports.ts'
import type { Resolver } from './resolver.ts'

/** What both guarantees need to send a message. */
export interface SendingParts {
  self: string
  clock: Clock
  links: LinkTable
  router: Router
  resolver: Resolver
  composer: Composer
  pointToPoint: PointToPoint
  order: CausalDriver
  bus: LocalBus
  deliver: Deliver
  /** What carries messages to a peer, for receipts. */
  transportTo: (peer: string) => string
}

/** What a sender says of one message. */
export interface SendParticulars extends Particulars {
  key: string | undefined
  wish: Wish | undefined
  /** ms of life, and of the caller's wait. */
  ttl: number | undefined
  timeout: number | undefined
  signal: AbortSignal | undefined
}

/** Data above this goes on the bulk lane: it would hold up what is small and urgent. One batch. */
export const BULK_BYTES = 65_536

/** `data` as it is written: a large object is as large as large bytes. */
export function laneFor(lane: Lane, data: Uint8Array): Lane {
  return lane === 'normal' && data.length > BULK_BYTES ? 'bulk' : lane
}
