import type { ConsensusEvent } from '../../runtime/consensus/types.ts'

export type GroupEvent =
  | ConsensusEvent
  /** A host that has a part in the group has learnt who leads it: once a term. */
  | { kind: 'consensus-leader'; group: string; term: number; leader: string }
