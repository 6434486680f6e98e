import type { Circuit } from './circuit.ts'
import type { Draws } from './draws.ts'
import { type Flow, Flows, TargetFlow } from './flow.ts'
import { affinity, hashText, memberHash } from './hash.ts'
import type { RoutingSettings } from './settings.ts'
import type { Place, Tier } from './topology.ts'

/** An agent's name on one node: what a circuit guards. */
export interface Target {
  readonly agent: string
  readonly place: Place
  readonly members: Member[]
  /** Undefined while nothing failed lately. */
  circuit: Circuit | undefined
  readonly group: Group
  /** By the index of the flow: how many calls may be under way; undefined before the first. */
  readonly flows: (TargetFlow | undefined)[]
}

/** One instance of an agent. */
export interface Member {
  readonly instance: string
  readonly target: Target
  readonly hash: number
  /** The group of hosts by which it knows what any of its members that say so too has handled; undefined: by none. */
  readonly coordinated: string | undefined
  /** Calls of this node that it has not answered yet. */
  inFlight: number
}

/**
 * The members of one name, sorted by tier. `pick` allocates nothing.
 *
 * The rule: in each tier, nearest first, two members drawn at random are compared and the cheaper stands for the tier
 * (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001); costs that are nearly equal go by the
 * draw, so equal members share evenly. The first tier whose member is not busy ends the search: topology comes first.
 * Where every member so far is busy, the lowest cost plus tier penalty wins: a saturated near one loses to an idle far
 * one. Members whose circuit is open are never drawn.
 */
export class Group {
  readonly name: string
  readonly targets = new Map<string, Target>()
  readonly flows = new Flows()
  readonly #tiers: readonly [Member[], Member[], Member[], Member[]] = [[], [], [], []]
  readonly #settings: RoutingSettings
  readonly #draws: Draws
  #size = 0

  constructor(name: string, settings: RoutingSettings, draws: Draws) {
    this.name = name
    this.#settings = settings
    this.#draws = draws
  }

  get size(): number {
    return this.#size
  }

  /** Nearest first. */
  *members(): Generator<Member> {
    for (const tier of this.#tiers) yield* tier
  }

  member(peer: string, instance: string): Member | undefined {
    return this.targets.get(peer)?.members.find((member) => member.instance === instance)
  }

  /** The member with that identity, added where it is new. */
  add(place: Place, instance: string, coordinated?: string): Member {
    let target = this.targets.get(place.peer)
    if (target === undefined) {
      target = { agent: this.name, place, members: [], circuit: undefined, group: this, flows: [] }
      this.targets.set(place.peer, target)
    }
    const known = target.members.find((member) => member.instance === instance)
    if (known !== undefined) return known
    const member: Member = { instance, target, hash: memberHash(place.peer, instance), coordinated, inFlight: 0 }
    target.members.push(member)
    this.#tiers[place.tier].push(member)
    this.#size++
    return member
  }

  /** Returns the target when its last member went. */
  remove(peer: string, instance: string): Target | undefined {
    const target = this.targets.get(peer)
    const member = target?.members.find((candidate) => candidate.instance === instance)
    if (target === undefined || member === undefined) return undefined
    take(target.members, member)
    take(this.#tiers[target.place.tier], member)
    this.#size--
    if (target.members.length > 0) return undefined
    this.targets.delete(peer)
    return target
  }

  /** Undefined where nobody may be called now. `avoid` is never picked. `flow`: only where there is room for a call of it. */
  pick(now: number, flow: Flow | undefined, avoid?: Member): Member | undefined {
    let best: Member | undefined
    let lowest = 0
    for (let tier: Tier | 4 = 0; tier < 4; tier++) {
      const member = this.#draw(this.#tiers[tier as Tier], now, flow, avoid)
      if (member === undefined) continue
      const free = !this.busy(member)
      if (free && best === undefined) return member
      const cost = this.cost(member) + this.#settings.penalties[tier as Tier]
      if (best === undefined || cost < lowest) {
        best = member
        lowest = cost
      }
      if (free) break
    }
    return best
  }

  /** As `pick`, on one node only. */
  pickAt(peer: string, now: number, flow: Flow | undefined, avoid?: Member): Member | undefined {
    const target = this.targets.get(peer)
    return target === undefined ? undefined : this.#draw(target.members, now, flow, avoid)
  }

  /** As `pick`, of those that know by that group what the others have handled: the cheapest. */
  pickCoordinated(coordinated: string, now: number, flow: Flow | undefined, avoid?: Member): Member | undefined {
    let best: Member | undefined
    for (const member of this.members()) {
      if (member.coordinated !== coordinated || !callable(member, now, flow, avoid)) continue
      if (best === undefined || this.cost(member) < this.cost(best)) best = member
    }
    return best
  }

  /**
   * The member that owns the key, the same on every node that knows the same members. Load and circuits do not move a
   * key: its messages keep their order only while they go to one member.
   */
  owner(key: string): Member | undefined {
    const hash = hashText(key)
    let best: Member | undefined
    let highest = -1
    for (const members of this.#tiers) {
      for (const member of members) {
        const score = affinity(hash, member.hash)
        if (score > highest || (score === highest && best !== undefined && precedes(member, best))) {
          best = member
          highest = score
        }
      }
    }
    return best
  }

  /** ms that a call is expected to wait: round trip and service, for each call ahead, stretched as an M/M/1 queue by load. */
  cost(member: Member): number {
    const { rtt, load, tier } = member.target.place
    const once = (rtt ?? this.#settings.assumedRtt[tier]) + this.#settings.serviceTime
    return (once * (1 + member.inFlight)) / (1 - Math.min(Math.max(load, 0), 0.99))
  }

  busy(member: Member): boolean {
    return member.inFlight >= this.#settings.busyInFlight || member.target.place.load >= this.#settings.busyLoad
  }

  #draw(
    members: readonly Member[],
    now: number,
    flow: Flow | undefined,
    avoid: Member | undefined
  ): Member | undefined {
    const size = members.length
    if (size === 0) return undefined
    const index = size === 1 ? 0 : this.#draws.below(size)
    const first = members[index]!
    if (!callable(first, now, flow, avoid)) return size === 1 ? undefined : this.#redraw(members, now, flow, avoid)
    if (size === 1) return first
    const second = members[(index + 1 + this.#draws.below(size - 1)) % size]!
    if (!callable(second, now, flow, avoid)) return first
    return this.cost(second) * (1 + this.#settings.tolerance) < this.cost(first) ? second : first
  }

  /** Somebody here may not be called: the k-th of those who may, so that no neighbour gets the share of the missing. */
  #redraw(
    members: readonly Member[],
    now: number,
    flow: Flow | undefined,
    avoid: Member | undefined
  ): Member | undefined {
    let count = 0
    for (const member of members) if (callable(member, now, flow, avoid)) count++
    let k = this.#draws.below(count)
    for (const member of members) if (callable(member, now, flow, avoid) && k-- === 0) return member
    return undefined
  }
}

function callable(member: Member, now: number, flow: Flow | undefined, avoid: Member | undefined): boolean {
  return member !== avoid && admits(member.target, now, flow)
}

/** Whether a target may be called now: its circuit lets it and, for a call that is answered, its flow has room. */
export function admits({ circuit, flows }: Target, now: number, flow: Flow | undefined): boolean {
  if (circuit !== undefined && !circuit.admits(now)) return false
  return flow === undefined || flows[flow.index]?.throttle.open !== false
}

/** What is known of the flow there. */
export function flowAt(target: Target, flow: Flow, settings: RoutingSettings): TargetFlow {
  return (target.flows[flow.index] ??= new TargetFlow(settings.throttle))
}

function precedes(a: Member, b: Member): boolean {
  return a.target.place.peer === b.target.place.peer
    ? a.instance < b.instance
    : a.target.place.peer < b.target.place.peer
}

/** Order means nothing here, so the last fills the gap. */
function take(members: Member[], member: Member): void {
  const index = members.indexOf(member)
  const last = members.pop()!
  if (last !== member) members[index] = last
}
