import type { LocalReplica } from './types.ts'

/** Everybody who has a part in the group, each once. */
export function membersOf(replica: LocalReplica): string[] {
  const { voters, outgoing, learners } = replica.status().configuration
  return [...new Set([...voters, ...outgoing, ...learners])]
}
