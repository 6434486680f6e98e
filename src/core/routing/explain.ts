import type { Group, Member } from './group.ts'
import { TIER_NAMES } from './topology.ts'

export interface CandidateExplanation {
  peer: string
  instance: string
  /** 'same node', 'same zone', 'same region', 'elsewhere'. */
  tier: string
  /** Measured, in ms; undefined where never measured. */
  rtt: number | undefined
  load: number
  inFlight: number
  circuit: 'closed' | 'open' | 'half-open'
  /** Expected wait in ms with the tier's penalty: lower is better. */
  score: number
  reason: string
}

export interface Explanation {
  chosen: { peer: string; instance: string } | undefined
  /** The group by which the chosen one knows what others of it have handled. */
  coordinated: string | undefined
  /** Nearest first. */
  candidates: CandidateExplanation[]
}

/** Why `chosen`, and why not the others. `keyed` says that the key decided, not cost. */
export function explainChoice(
  group: Group,
  chosen: Member | undefined,
  now: number,
  penalties: readonly number[],
  keyed: boolean
): Explanation {
  const candidates = [...group.members()].map((member): CandidateExplanation => {
    const { place, circuit } = member.target
    return {
      peer: place.peer,
      instance: member.instance,
      tier: TIER_NAMES[place.tier],
      rtt: place.rtt,
      load: place.load,
      inFlight: member.inFlight,
      circuit: circuit?.state ?? 'closed',
      score: group.cost(member) + penalties[place.tier]!,
      reason: reason(group, member, chosen, now, keyed)
    }
  })
  return {
    chosen: chosen === undefined ? undefined : { peer: chosen.target.place.peer, instance: chosen.instance },
    coordinated: chosen?.coordinated,
    candidates
  }
}

function reason(group: Group, member: Member, chosen: Member | undefined, now: number, keyed: boolean): string {
  const { place, circuit } = member.target
  const tier = TIER_NAMES[place.tier]
  if (circuit !== undefined && !circuit.admits(now)) {
    const wait = Math.max(0, Math.ceil(circuit.retryAt - now))
    return circuit.state === 'open'
      ? `circuit open for another ${wait} ms`
      : 'circuit half open, its probes are under way'
  }
  if (keyed) return member === chosen ? 'owns the key' : 'another member owns the key'
  if (member === chosen) return group.busy(member) ? `${tier}, cheapest of busy ones` : `${tier}, nearest that is free`
  if (chosen === undefined) return 'not asked for'
  const nearer = chosen.target.place.tier
  if (place.tier > nearer) return `farther away than the chosen one (${TIER_NAMES[nearer]})`
  if (group.busy(member)) return `${tier}, busy`
  if (place.tier < nearer) return `${tier}, not asked for`
  return group.cost(member) > group.cost(chosen) ? `${tier}, costs more` : `${tier}, not drawn this time`
}
