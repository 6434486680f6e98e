import type { ConsensusEvent } from '../../runtime/consensus/types.ts'

export type GroupEvent =
  | ConsensusEvent
  /** The group has on record that a host joined or left the mesh. `index`: of its log. Told by hosts that are members of the group. */
  | { kind: 'member-recorded'; group: string; peer: string; change: 'joined' | 'left'; index: number }
  /**
   * The host at which an agent is placed has left. If it is not back within ten seconds, the agent goes on at another that has it
   * registered, as soon as there is one. Told by the host that leads the control plane.
   */
  | { kind: 'placement-orphaned'; group: string; agent: string; peer: string }
  /** A host that has a part in the group has learnt who leads it: once a term. */
  | { kind: 'consensus-leader'; group: string; term: number; leader: string }
