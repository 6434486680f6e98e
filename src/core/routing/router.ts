import { Throttle } from '../flow/throttle.ts'
import type { Random, Sink } from '../machine.ts'
import { Circuit, type CircuitEvent } from './circuit.ts'
import { Draws } from './draws.ts'
import { type Explanation, explainChoice } from './explain.ts'
import { admits, Group, type Member, type Target } from './group.ts'
import type { Outcome } from './outcome.ts'
import { ROUTING_DEFAULTS, type RoutingSettings } from './settings.ts'
import { type Location, type Place, tierOf } from './topology.ts'

/** What narrows a choice. */
export interface Wish {
  /** Messages with one key go to one member. */
  key?: string | undefined
  peer?: string | undefined
  instance?: string | undefined
  /** Only a member that knows by that group what others of it have handled. */
  coordinated?: string | undefined
  /** The member that just failed: another one is tried first. */
  avoid?: Member | undefined
}

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
 * const member = router.choose('worker', now)
 * if (member === undefined) // router.has('worker') ? ERR_CIRCUIT_OPEN : ERR_NO_RESPONDERS
 * router.began(member); …; router.ended(member, ok ? 'success' : 'failure', now)
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
    if (targets !== undefined && !group.targets.has(peer)) this.#assumed.set(peer, targets + 1)
    return group.add(place, instance, coordinated)
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
   * `wait` waits for room). A choice counts as a probe of a circuit that is half open. `answered`: whether a call follows that
   * `began` and `ended` are told of; what nobody answers weighs on nobody.
   */
  choose(name: string, now: number, wish?: Wish, answered = true): Member | undefined {
    const group = this.#groups.get(name)
    if (group === undefined) return undefined
    this.#now = now
    if (answered && !group.line.admits()) return undefined
    const member = wish === undefined ? group.pick(now, answered) : this.#pick(group, now, wish, answered)
    member?.target.circuit?.enter(now)
    return member
  }

  /** What `choose` would say now, and why. Changes nothing but the dice. */
  explain(name: string, now: number, wish?: Wish): Explanation {
    const group = this.#groups.get(name)
    if (group === undefined) return { chosen: undefined, coordinated: undefined, candidates: [] }
    const chosen = wish === undefined ? group.pick(now, false) : this.#pick(group, now, wish, false)
    return explainChoice(group, chosen, now, this.settings.penalties, wish?.key !== undefined)
  }

  /** A call that will be answered is on its way: until `ended` it weighs on the member. */
  began(member: Member): void {
    member.inFlight++
    const { target } = member
    target.throttle ??= new Throttle(this.settings.throttle)
    target.throttle.began(this.#now)
  }

  ended(member: Member, outcome: Outcome, now: number): void {
    if (member.inFlight > 0) member.inFlight--
    const { throttle, line } = member.target
    throttle?.ended(now, HOW[outcome])
    if (line.length > 0) this.#call(member.target, now)
    this.report(member, outcome, now)
  }

  /** Whether somebody who fits the wish could be called, but for what is under way there or waits to be. */
  throttled(name: string, now: number, wish?: Wish): boolean {
    const group = this.#groups.get(name)
    if (group === undefined) return false
    for (const member of group.members()) {
      if (fits(member, wish) && admits(member.target, now, false)) return true
    }
    return false
  }

  /**
   * Calls back when there may be room at a member of that name: then it is to be chosen again, at once. Whoever waits looks
   * now and then by what is returned: where nothing is under way, nobody's end would call.
   */
  wait(name: string, resume: () => void): (now: number) => void {
    const group = this.#groups.get(name)
    if (group === undefined) {
      resume()
      return () => {}
    }
    const { line, targets } = group
    line.wait(resume)
    return (now) => {
      for (const { throttle } of targets.values()) if (throttle !== undefined && throttle.inFlight > 0) return
      line.call(Number.POSITIVE_INFINITY, now)
    }
  }

  #call({ throttle, line }: Target, now: number): void {
    const { limit = 0, inFlight = 0 } = throttle ?? {}
    // With nothing under way nobody would be called later.
    line.call(inFlight === 0 ? Number.POSITIVE_INFINITY : limit - inFlight, now)
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

  #pick(group: Group, now: number, wish: Wish, answered: boolean): Member | undefined {
    if (wish.instance !== undefined) {
      for (const member of group.members()) if (fits(member, wish)) return admitted(member, now, answered)
      return undefined
    }
    if (wish.peer !== undefined) {
      const member = group.pickAt(wish.peer, now, answered, wish.avoid) ?? group.pickAt(wish.peer, now, answered)
      return member !== undefined && fits(member, wish) ? member : undefined
    }
    if (wish.key !== undefined) {
      const owner = group.owner(wish.key)
      return owner !== undefined && fits(owner, wish) ? admitted(owner, now, answered) : undefined
    }
    if (wish.coordinated !== undefined) {
      const { coordinated, avoid } = wish
      return (
        group.pickCoordinated(coordinated, now, answered, avoid) ?? group.pickCoordinated(coordinated, now, answered)
      )
    }
    return group.pick(now, answered, wish.avoid) ?? group.pick(now, answered)
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
    target.line.call(Number.POSITIVE_INFINITY, this.#now)
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

function fits(member: Member, wish: Wish | undefined): boolean {
  if (wish?.instance !== undefined && member.instance !== wish.instance) return false
  if (wish?.coordinated !== undefined && member.coordinated !== wish.coordinated) return false
  return wish?.peer === undefined || member.target.place.peer === wish.peer
}

function admitted(member: Member | undefined, now: number, answered: boolean): Member | undefined {
  return member !== undefined && admits(member.target, now, answered) ? member : undefined
}
