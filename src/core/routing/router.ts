import type { Random, Sink } from '../machine.ts'
import { Circuit, type CircuitEvent } from './circuit.ts'
import { Draws } from './draws.ts'
import { type Explanation, explainChoice } from './explain.ts'
import { admits, flowAt, Group, type Member, type Target } from './group.ts'
import type { Waiter } from './line.ts'
import type { Outcome } from './outcome.ts'
import { ROUTING_DEFAULTS, type RoutingSettings } from './settings.ts'
import { type Location, type Place, tierOf } from './topology.ts'
import { choose, fits, only, type Wish } from './wish.ts'

export interface RouterOptions {
  self: Location
  random: Random
  /** Takes the transitions of circuits. */
  events: Sink<CircuitEvent>
  settings?: Partial<RoutingSettings>
}

/**
 * Which member of a group takes the next message. Told by its owner who is where (`place`, `add`, `remove`), how calls
 * went (`began`, `ended`), and what time it is (monotonic ms).
 *
 * @example
 * const router = new Router({ self, random, events })
 * router.place({ peer, region: 'eu', zone: 'eu-a' }).rtt = 0.4
 * router.add('worker', peer, 'w1')
 * const member = router.choose('worker', type, now)
 * if (member === undefined) // router.has('worker') ? ERR_CIRCUIT_OPEN : ERR_NO_RESPONDERS
 * router.began(member, type); …; router.ended(member, type, ok ? 'success' : 'failure', now)
 */
export class Router {
  readonly settings: RoutingSettings
  readonly #self: Location
  readonly #random: Random
  readonly #draws: Draws
  readonly #events: Sink<CircuitEvent>
  readonly #places = new Map<string, Place>()
  /** Targets on each node that only `add` told of: its place goes with the last of them. */
  readonly #assumed = new Map<string, number>()
  readonly #groups = new Map<string, Group>()
  /** Targets that have a circuit, the one longest without a failure first. At most `maxCircuits`. */
  readonly #troubled = new Set<Target>()
  /** When somebody was last chosen. */
  #now = 0

  constructor(options: RouterOptions) {
    this.settings = { ...ROUTING_DEFAULTS, ...options.settings }
    this.#self = options.self
    this.#random = options.random
    this.#draws = new Draws(options.random)
    this.#events = options.events
    this.place(options.self)
  }

  /** The node at that location, remembered where new. Write `rtt` and `load` on it as they are measured. */
  place(location: Location): Place {
    this.#assumed.delete(location.peer)
    const known = this.#places.get(location.peer)
    if (known !== undefined && known.region === location.region && known.zone === location.zone) return known
    const { peer, region, zone } = location
    const place: Place = {
      peer,
      region,
      zone,
      tier: tierOf(this.#self, location),
      rtt: known?.rtt,
      load: known?.load ?? 0
    }
    this.#places.set(peer, place)
    if (known !== undefined) this.#resettle(known, place)
    return place
  }

  /** A node that is unknown stands elsewhere until `place` says more. */
  add(name: string, peer: string, instance: string, coordinated?: string): Member {
    let place = this.#places.get(peer)
    if (place === undefined) {
      place = this.place({ peer, region: undefined, zone: undefined })
      this.#assumed.set(peer, 0)
    }
    let group = this.#groups.get(name)
    if (group === undefined) this.#groups.set(name, (group = new Group(name, this.settings, this.#draws)))
    const targets = this.#assumed.get(peer)
    const known = group.targets.has(peer)
    if (targets !== undefined && !known) this.#assumed.set(peer, targets + 1)
    const member = group.add(place, instance, coordinated)
    // There is room that nobody's end tells of.
    if (!known) for (const { line } of group.flows.all()) line.callAll(this.#now)
    return member
  }

  remove(name: string, peer: string, instance: string): void {
    const group = this.#groups.get(name)
    if (group === undefined) return
    const target = group.remove(peer, instance)
    if (target !== undefined) this.#gone(target)
    if (group.size === 0) this.#groups.delete(name)
  }

  /** Forgets the node and every member on it. */
  removePeer(peer: string): void {
    for (const group of this.#groups.values()) {
      const instances = group.targets.get(peer)?.members.map((member) => member.instance) ?? []
      for (const instance of instances) this.remove(group.name, peer, instance)
    }
    if (peer !== this.#self.peer) this.#places.delete(peer)
  }

  /** Nodes remembered, our own included: for proving that nothing leaks. */
  get places(): number {
    return this.#places.size
  }

  has(name: string): boolean {
    return this.#groups.has(name)
  }

  group(name: string): Group | undefined {
    return this.#groups.get(name)
  }

  /**
   * The member that takes the next message; undefined where nobody of that name is known (`has` is false then), where
   * nobody fits the wish, where all circuits are open, or where as much is under way as they answer in time (`throttled` tells,
   * `wait` waits for room). A choice counts as a probe of a circuit that is half open. `type`: of a call that `began` and
   * `ended` are told of; undefined where nobody answers, which weighs on nobody.
   */
  choose(name: string, type: string | undefined, now: number, wish?: Wish): Member | undefined {
    const group = this.#groups.get(name)
    if (group === undefined) return undefined
    this.#now = now
    const member = choose(group, now, wish, type === undefined ? undefined : group.flows.of(type))
    member?.target.circuit?.enter(now)
    return member
  }

  /** What `choose` would say now, and why. Changes nothing but the dice. */
  explain(name: string, now: number, wish?: Wish): Explanation {
    const group = this.#groups.get(name)
    if (group === undefined) return { chosen: undefined, coordinated: undefined, candidates: [] }
    const chosen = choose(group, now, wish, undefined)
    return explainChoice(group, chosen, now, this.settings.penalties, wish?.key !== undefined)
  }

  /** A call that will be answered is on its way: until `ended` it weighs on the member. */
  began(member: Member, type: string): void {
    member.inFlight++
    const { target } = member
    flowAt(target, target.group.flows.of(type), this.settings).throttle.began(this.#now)
  }

  /** The first of many replies: how long they go on says nothing of a queue. `ended` is told of no type then. */
  answered(member: Member, type: string, now: number): void {
    this.#released(member.target, type, 'success', now)
    this.report(member, 'success', now)
  }

  ended(member: Member, type: string | undefined, outcome: Outcome, now: number): void {
    if (member.inFlight > 0) member.inFlight--
    if (type !== undefined) this.#released(member.target, type, outcome, now)
    this.report(member, outcome, now)
  }

  #released(target: Target, type: string, outcome: Outcome, now: number): void {
    const flow = target.group.flows.of(type)
    const there = target.flows[flow.index]
    there?.throttle.ended(now, HOW[outcome])
    there?.call(flow, now)
  }

  /** Whether somebody who fits the wish could be called, but for what is under way there or waits to be. */
  throttled(name: string, type: string | undefined, now: number, wish?: Wish): boolean {
    const group = this.#groups.get(name)
    if (group === undefined || type === undefined) return false
    // Others that may be called are no use to whoever takes one alone: nothing is under way there, so nobody would call.
    const target = wish && only(group, wish)
    if (target !== undefined) return admits(target, now, undefined)
    for (const member of group.members()) {
      if (fits(member, wish) && admits(member.target, now, undefined)) return true
    }
    return false
  }

  /**
   * Calls back when there may be room for a call of that type: then somebody is to be chosen again, at once. Undefined where
   * nobody has the name. Whoever gives up leaves.
   */
  wait(name: string, type: string, wish: Wish | undefined, resume: () => void): Waiter | undefined {
    const group = this.#groups.get(name)
    if (group === undefined) return undefined
    const flow = group.flows.of(type)
    const target = wish && only(group, wish)
    return flow.wait(target && flowAt(target, flow, this.settings), resume)
  }

  /** The member was chosen, and nobody will say how it went (nobody answers, or nothing was sent): that probed no circuit. */
  unanswered(member: Member): void {
    member.target.circuit?.abandoned()
  }

  /** How a call went that was not counted by `began`. */
  report(member: Member, outcome: Outcome, now: number): void {
    const { target } = member
    if (outcome === 'failure') {
      this.#failed(target, now)
      return
    }
    const { circuit } = target
    if (circuit === undefined) return
    if (outcome === 'success') circuit.succeeded()
    else circuit.abandoned()
    if (circuit.forgettable) this.#forget(target)
  }

  #failed(target: Target, now: number): void {
    // What ends after its target is gone must not bring back a circuit that nobody would remove.
    if (this.#groups.get(target.agent)?.targets.get(target.place.peer) !== target) return
    this.#troubled.delete(target)
    if (this.#troubled.size >= this.settings.maxCircuits) this.#forget(this.#troubled.values().next().value!)
    this.#troubled.add(target)
    const { peer } = target.place
    target.circuit ??= new Circuit(peer, target.agent, this.settings.circuit, this.#random, this.#events)
    target.circuit.failed(now)
  }

  /** A target's last member went. */
  #gone(target: Target): void {
    this.#troubled.delete(target)
    for (const there of target.flows) there?.line.callAll(this.#now)
    for (const { line } of target.group.flows.all()) line.callAll(this.#now)
    const { peer } = target.place
    const targets = this.#assumed.get(peer)
    if (targets === undefined) return
    if (targets > 1) this.#assumed.set(peer, targets - 1)
    else {
      this.#assumed.delete(peer)
      this.#places.delete(peer)
    }
  }

  #forget(target: Target): void {
    target.circuit = undefined
    this.#troubled.delete(target)
  }

  /** A node that moved to another zone: its members change tier. */
  #resettle(from: Place, to: Place): void {
    for (const group of [...this.#groups.values()]) {
      const target = group.targets.get(from.peer)
      if (target === undefined) continue
      const members = [...target.members]
      for (const { instance } of members) this.remove(group.name, from.peer, instance)
      for (const { instance, coordinated } of members) this.add(group.name, to.peer, instance, coordinated)
    }
  }
}

/** What the end of a call says of how much its target can take. */
const HOW = { success: 'answered', failure: 'overloaded', refused: 'overloaded', neutral: 'unknown' } as const
