import type { Way } from '../../../protocols/causality/constants.ts'
import type { Fill, Missing, Statement } from '../../../protocols/causality/messages.ts'

export interface CausalLimits {
  /** ms for which a message waits for one before it of which nobody can say where it is. Default 5,000 (the specification's delivery timeout). */
  gapTimeout: number
  /** Messages that wait for others at most. Default 8,192: two windows of a link's credit (a guess). */
  waiting: number
  /** Their bytes. Default 2²⁴, as an agent's mailbox. */
  waitingBytes: number
}

export const DEFAULT_CAUSAL_LIMITS: CausalLimits = { gapTimeout: 5_000, waiting: 8_192, waitingBytes: 2 ** 24 }

/** What the machine asks of its driver. `T` is a message on its way to this host's agents or subscriptions. */
export type CausalEffect<T> =
  /** Its turn has come. `waited`: what it waited for, by producer; undefined for what asks nothing. */
  | { kind: 'hand'; item: T; waited: Readonly<Record<string, number>> | undefined }
  /** It waits for others. `crowded`: so much does that its sender must be held back. */
  | { kind: 'wait'; item: T; crowded: boolean }
  /** It came behind what followed it, which was told that it would not come. */
  | { kind: 'late'; item: T }
  | { kind: 'ask'; peer: string; statement: Statement }
  | { kind: 'passed'; peer: string; statement: Statement }
  | { kind: 'missing'; peer: string; missing: Missing }
  | { kind: 'fill'; peer: string; fill: Fill }
  | { kind: 'coming'; peer: string; epoch: number; way: Way }
  /** What waited goes on without `number` of the producer: nobody said in time what became of it, or too much waits. */
  | { kind: 'gap'; producer: string; number: number; reason: 'timeout' | 'full' }
