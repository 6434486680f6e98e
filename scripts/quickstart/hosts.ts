/** Who stands where and runs what. */

export interface HostPlan {
  name: string
  region: string
  zone: string
  agents: readonly ('parser' | 'enricher' | 'aggregator' | 'atlas' | 'archive' | 'desk')[]
}

/** The first is the bootstrap host: the others are told its address and nothing else. */
export const hosts: readonly HostPlan[] = [
  { name: 'gateway', region: 'west', zone: 'west-a', agents: ['desk'] },
  { name: 'seattle', region: 'west', zone: 'west-a', agents: ['parser', 'atlas'] },
  { name: 'portland', region: 'west', zone: 'west-b', agents: ['enricher'] },
  { name: 'boston', region: 'east', zone: 'east-a', agents: ['aggregator', 'atlas'] },
  { name: 'newark', region: 'east', zone: 'east-a', agents: ['parser', 'enricher', 'archive'] }
]

/** Killed half-way: the enricher nearest to the desk, which until then does all the enriching. Its twin is in the east. */
export const VICTIM = 'portland'
