import * as v from 'valibot'
import { MeshError } from '../../protocols/errors.ts'
import type { ConsensusGroup } from '../node/consensus/types.ts'
import type { Node } from '../node/node.ts'
import type { Operations } from '../runtime/control/types.ts'
import { check } from './parameters.ts'

const shape = v.object({ group: v.optional(v.string()), to: v.optional(v.string()) })

/** What the command may ask of a node's groups. Rejects with `ERR_NO_CONSENSUS`, `ERR_CONFIG` where the group is not clear. */
export function consensusOperations(node: Node): Operations {
  return {
    consensus: (params) => {
      const { group } = check(shape, params)
      const groups = group === undefined ? node.consensusGroups() : [groupOf(node, group)]
      return groups.map((one) => ({ group: one.name, ...one.status() }))
    },
    transferLeadership: async (params, signal) => {
      const { group, to } = check(shape, params)
      const one = groupOf(node, group)
      await one.transferLeadership(to, { signal })
      return { group: one.name }
    },
    snapshot: async (params, signal) => {
      const one = groupOf(node, check(shape, params).group)
      return { group: one.name, ...(await one.snapshot({ signal })) }
    }
  }
}

/** The group of that name, or the only one. */
function groupOf(node: Node, name: string | undefined): ConsensusGroup {
  const groups = node.consensusGroups()
  const named = name === undefined ? groups : groups.filter((group) => group.name === name)
  if (named.length === 1) return named[0]!
  if (named.length === 0) {
    throw new MeshError(
      'ERR_NO_CONSENSUS',
      `this node has opened ${name === undefined ? 'no group' : `no group ${name}`}`
    )
  }
  const text = `which group? ${groups.map((group) => group.name).join(', ')}`
  throw new MeshError('ERR_CONFIG', text, { details: { key: 'group' } })
}
