import type { Flow } from './flow.ts'
import { admits, type Group, type Member, type Target } from './group.ts'

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

/**
 * Whoever takes it, of those who may be called now; undefined where that is nobody. `flow`: of a call that is answered, which
 * has its turn after those who wait for room wherever the wish leaves it to go.
 */
export function choose(group: Group, now: number, wish: Wish | undefined, flow: Flow | undefined): Member | undefined {
  const target = wish && only(group, wish)
  const line = target === undefined ? flow?.line : flow && target.flows[flow.index]?.line
  if (line?.admits() === false) return undefined
  return wish === undefined ? group.pick(now, flow) : pick(group, now, wish, target, flow)
}

function pick(
  group: Group,
  now: number,
  wish: Wish,
  target: Target | undefined,
  flow: Flow | undefined
): Member | undefined {
  const { instance, peer, key, coordinated, avoid } = wish
  if (instance !== undefined || (key !== undefined && peer === undefined)) {
    const member = instance === undefined ? group.owner(key!) : target?.members.find((one) => one.instance === instance)
    return member !== undefined && fits(member, wish) && admits(member.target, now, flow) ? member : undefined
  }
  if (peer !== undefined) {
    const member = group.pickAt(peer, now, flow, avoid) ?? group.pickAt(peer, now, flow)
    return member !== undefined && fits(member, wish) ? member : undefined
  }
  if (coordinated !== undefined) {
    return group.pickCoordinated(coordinated, now, flow, avoid) ?? group.pickCoordinated(coordinated, now, flow)
  }
  return group.pick(now, flow, avoid) ?? group.pick(now, flow)
}

/** The one target that the wish leaves; undefined where it leaves any, or none that is known. */
export function only(group: Group, wish: Wish): Target | undefined {
  if (wish.instance !== undefined) {
    for (const member of group.members()) if (fits(member, wish)) return member.target
    return undefined
  }
  if (wish.peer !== undefined) return group.targets.get(wish.peer)
  return wish.key === undefined ? undefined : group.owner(wish.key)?.target
}

/** Whether the member is one that was asked for by its host, its instance or its group of hosts. */
export function fits({ instance, target, coordinated }: Member, wish: Wish | undefined): boolean {
  if (wish?.instance !== undefined && instance !== wish.instance) return false
  if (wish?.coordinated !== undefined && coordinated !== wish.coordinated) return false
  return wish?.peer === undefined || target.place.peer === wish.peer
}
