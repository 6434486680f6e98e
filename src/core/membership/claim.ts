import type { Claim, Standing } from '../../../protocols/overlay/messages.ts'

const RANK: Readonly<Record<Standing, number>> = { alive: 0, suspect: 1, dead: 2, left: 3 }

/** Claims of one life form a chain, so members that heard the same claims in any order believe the same. */
export function outranks(a: Claim, b: Claim): boolean {
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation
  if (a.refutation !== b.refutation) return a.refutation > b.refutation
  return RANK[a.state] > RANK[b.state]
}

export function isLive(state: Standing): boolean {
  return state === 'alive' || state === 'suspect'
}

export function rankOf(state: Standing): number {
  return RANK[state]
}
