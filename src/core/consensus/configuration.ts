import type { Configuration } from './types.ts'

/** What a configuration is to become. */
export interface Target {
  readonly voters: readonly string[]
  /** Have the log and no vote (thesis 4.2.1). */
  readonly learners: readonly string[]
}

export function isVoter({ voters, outgoing }: Configuration, id: string): boolean {
  return voters.includes(id) || outgoing.includes(id)
}

export function isMember(configuration: Configuration, id: string): boolean {
  return isVoter(configuration, id) || configuration.learners.includes(id)
}

export function isJoint({ outgoing }: Configuration): boolean {
  return outgoing.length > 0
}

/** Everybody whom a leader sends its log to, each once. */
export function members({ voters, outgoing, learners }: Configuration): string[] {
  return [...new Set([...voters, ...outgoing, ...learners])]
}

/**
 * The first step of a change: joint, or at once the target where the voters stay the same (thesis 4.3). Undefined where
 * a group would have no voter, or somebody two parts.
 */
export function begin(current: Configuration, { voters, learners }: Target): Configuration | undefined {
  const everybody = [...voters, ...learners]
  if (voters.length === 0 || new Set(everybody).size !== everybody.length) return undefined
  const same = voters.length === current.voters.length && voters.every((id) => current.voters.includes(id))
  return { voters, outgoing: same ? [] : current.voters, learners }
}

/** The second step: the new voters are among themselves. */
export function leave({ voters, learners }: Configuration): Configuration {
  return { voters, outgoing: [], learners }
}
