/** How far away a member is, nearest first: this node, its zone, its region, the rest. */
export type Tier = 0 | 1 | 2 | 3

export const TIER_NAMES = ['same node', 'same zone', 'same region', 'elsewhere'] as const

/** Where a node says it stands. */
export interface Location {
  peer: string
  region: string | undefined
  zone: string | undefined
}

/** A node as the router sees it: one object for all members that live there, so a new measurement costs one write. */
export interface Place extends Location {
  readonly tier: Tier
  /** Measured round trip in ms; undefined until there is one. */
  rtt: number | undefined
  /** What the node says of itself: 0 idle, 1 saturated. */
  load: number
}

/** A zone or region that nobody named is no common ground: two nodes without one are not neighbours. */
export function tierOf(self: Location, other: Location): Tier {
  if (self.peer === other.peer) return 0
  if (self.zone !== undefined && self.zone === other.zone && self.region === other.region) return 1
  if (self.region !== undefined && self.region === other.region) return 2
  return 3
}
