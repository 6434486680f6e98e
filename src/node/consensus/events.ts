import type { ConsensusEvent } from '../../runtime/consensus/types.ts'

export type GroupEvent =
  | ConsensusEvent
  /** The group has on record that a host joined or left the mesh. `index`: of its log. Told by hosts that are members of the group. */
  | { kind: 'member-recorded'; group: string; peer: string; change: 'joined' | 'left'; index: number }
  /** A host that has a part in the group has learnt who leads it: once a term. */
  | { kind: 'consensus-leader'; group: string; term: number; leader: string }
