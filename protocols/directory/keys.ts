import { MeshError } from '../errors.ts'
import { AGENT_PREFIX, HOST_PREFIX, MAX_AGENT_NAME_BYTES } from './constants.ts'

const encoder = new TextEncoder()

/** Throws `ERR_LIMIT` where the name is empty or too long. */
export function agentKey(name: string): string {
  const { length } = encoder.encode(name)
  if (length === 0 || length > MAX_AGENT_NAME_BYTES) {
    throw new MeshError('ERR_LIMIT', `An agent's name has 1 to ${MAX_AGENT_NAME_BYTES} bytes, not ${length}`)
  }
  return AGENT_PREFIX + name
}

export function hostKey(peer: string): string {
  return HOST_PREFIX + peer
}
