import type { RateMessage } from '../../../protocols/rate-limits/messages.ts'
import type { Request } from './demand.ts'
import type { RateDefinition } from './token-bucket.ts'

export interface LeaseBucketOptions {
  self: string
  id: string
  definition: RateDefinition
  /** Others take part; else the whole limit is here from the first moment on. */
  shared: boolean
  /** Keys held at most. */
  keys: number
  /** Requests that may wait, of all keys together. */
  waiting: number
  /** ms for which a node that was lost counts as cut off rather than dead. */
  forgetAfter: number
}

export type LeaseInput =
  /** Tickets rise. `tokens` are at most capacity + burst. */
  | ({ kind: 'acquire' } & Request)
  | { kind: 'cancel'; ticket: number; key: string }
  /** Everybody who lives knows that this node takes part, and what its former life pledged has lapsed. */
  | { kind: 'settle' }
  /** Another node takes part. */
  | { kind: 'sharer'; peer: string; used: boolean }
  /** It does so no longer: by its own word, or it was lost. */
  | { kind: 'gone'; peer: string; left: boolean }
  | { kind: 'message'; from: string; message: RateMessage }
  | { kind: 'tick' }

export type LeaseEffect =
  | { kind: 'send'; to: string; message: RateMessage }
  | { kind: 'end'; ticket: number; granted: boolean; remaining: number }
  /** No room for it to wait. */
  | { kind: 'full'; ticket: number }
  /** The first pledge was given: the limit is not new any more, and the others must know. */
  | { kind: 'used' }
