import { MeshError } from '../../../protocols/errors.ts'
import type { Refusal } from '../../core/consensus/raft.ts'

const TEXTS: Record<Refusal, string> = {
  'not-leader': 'this replica does not lead',
  transferring: 'leadership is being handed on',
  changing: 'another change of the group is under way',
  invalid: 'no such members of the group'
}

/** What the machine did not take, as an error. `leader` is who to ask, where known. */
export function refusalOf(reason: Refusal, group: string, leader: string | undefined): MeshError {
  // Who hands leadership on is nobody to ask.
  const details = { group, leader: reason === 'transferring' ? undefined : leader }
  const text = `${TEXTS[reason]}: ${group}`
  if (reason === 'changing') return new MeshError('ERR_CONFLICT', text, { details })
  if (reason === 'invalid') return new MeshError('ERR_CONFIG', text, { details: { ...details, key: 'voters' } })
  return new MeshError('ERR_NOT_LEADER', text, { details })
}

/** Whatever a replica failed with. */
export function failureOf(cause: unknown, group: string): MeshError {
  if (cause instanceof MeshError) return cause
  return new MeshError('ERR_CORRUPT', `the replica of ${group} failed: ${String(cause)}`, { cause })
}
