import type { Replica } from '../replica.ts'

/** What was asked of a group. */
export interface Asked {
  /** Session and number. */
  readonly id: string
  readonly index: number
  readonly term: number
  readonly value: unknown
  /** Monotonic ms when it was sent for the first time. */
  readonly sentAt: number
}

export interface Wait {
  signal?: AbortSignal | undefined
  /** ms. */
  timeout?: number | undefined
}

export type Consistency = 'strong' | 'session' | 'eventual'

/** What clients ask of the replica on their own host. */
export type LocalReplica = Pick<
  Replica,
  | 'applied'
  | 'ended'
  | 'propose'
  | 'readIndex'
  | 'reached'
  | 'query'
  | 'reconfigure'
  | 'transfer'
  | 'snapshot'
  | 'status'
  | 'follow'
  | 'onChange'
>
