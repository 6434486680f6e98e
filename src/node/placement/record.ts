import { unpack } from '../../../protocols/envelope/messagepack.ts'
import type { Placed } from './types.ts'

/** The part of a group's state that has places on record. */
export const MEMBERS = 'members'

/** A placement as it is on record. */
export interface PlacementRecord {
  readonly at: string
  readonly since: number
  readonly to?: string | undefined
}

export function recordOf(value: Uint8Array): PlacementRecord | undefined {
  return unpack(value) as PlacementRecord | undefined
}

export function placedOf(agent: string, { at, since, to }: PlacementRecord): Placed {
  return { agent, peer: at, since, to }
}

/** The key of a member's entry that says that it may have the agent. */
export function candidateKey(agent: string): string {
  return `placed/${agent}`
}
