import { MeshError } from '../../../protocols/errors.ts'
import { MAX_GROUP_BYTES, MAX_MEMBERS, MAX_PEER_BYTES } from '../../../protocols/raft/constants.ts'
import type { Target } from '../../core/consensus/configuration.ts'

/** What the wire and the disk can carry. Throws `ERR_CONFIG`. */
export function checkGroup(group: string): void {
  if (group === '' || !group.isWellFormed() || Buffer.byteLength(group) > MAX_GROUP_BYTES)
    throw configError('group', `a group's id is a text of 1 to ${MAX_GROUP_BYTES} bytes`)
}

/** Throws `ERR_CONFIG`. */
export function checkMembers({ voters, learners }: Target): void {
  const everybody = [...voters, ...learners]
  if (voters.length === 0 || voters.length > MAX_MEMBERS || learners.length > MAX_MEMBERS)
    throw configError('voters', `a group has 1 to ${MAX_MEMBERS} voters and at most as many learners`)
  if (new Set(everybody).size !== everybody.length) throw configError('voters', 'a member has one part in a group')
  if (everybody.some((id) => id === '' || !id.isWellFormed() || Buffer.byteLength(id) > MAX_PEER_BYTES))
    throw configError('voters', 'members are named by their PeerIds')
}

function configError(key: string, text: string): MeshError {
  return new MeshError('ERR_CONFIG', text, { details: { key } })
}
