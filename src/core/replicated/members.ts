import { MeshError } from '../../../protocols/errors.ts'
import { fieldsOf, listOf, malformed, textOf, wholeOf } from './malformed.ts'
import type { Applying, StateMachine } from './types.ts'

/** Of either. */
const MOST_RECORDS = 65_536

interface Member {
  /** The entry with which it joined. */
  readonly since: number
  readonly info: unknown
}

interface Placement {
  readonly at: string
  /** The entry that placed it there; rises with each move, so it fences off who had it before. */
  readonly since: number
  /** Where it is to move to; there only while it is. */
  readonly to?: string
}

/**
 * What the control plane has on record: who belongs to the cluster, and where agents are.
 *
 * - `{ joined: peer, info }` gives since when (the index of an entry); whoever is on record stays so since then, with the new info.
 * - `{ left: peer }` gives whether it was on record. Where agents are placed stays on record: they are to be placed anew.
 * - `{ place: agent, at: peer }` gives since when. `ERR_CONFLICT` where it is at another peer that is not known to have left: then it
 *   has to move. That is known where peers are on record, and it is not.
 * - `{ moving: agent, from, to }` says that it is to move, so that its host lets go of it; gives since when it is at `from`, `ERR_CONFLICT` where
 *   it is not. With another `to` it is to move there instead, with `from` it is to stay.
 * - `{ move: agent, from, to }` gives since when; `ERR_CONFLICT` where it is not at `from`.
 * - `{ remove: agent, from }` gives whether it was there.
 *
 * Questions: `{ member: peer }`, `{ placement: agent }`, and all in the order of their names: `{ members: true }` gives
 * `[peer, { since, info }]`, `{ placements: true }` `[agent, { at, since, to }]`, `to` only while it is to move.
 */
export class Members implements StateMachine {
  #members = new Map<string, Member>()
  #placements = new Map<string, Placement>()

  apply(command: unknown, { index }: Applying): number | boolean {
    const { joined, info, left, place, at, moving, move, from, to, remove } = fieldsOf(command)
    if (typeof joined === 'string') return this.#join(joined, info, index)
    if (typeof left === 'string') return this.#members.delete(left)
    if (typeof place === 'string') return this.#place(place, textOf(at, 'the place'), index)
    if (typeof moving === 'string') {
      return this.#begin(moving, textOf(from, 'the place'), textOf(to, 'the place'))
    }
    if (typeof move === 'string') return this.#move(move, textOf(from, 'the place'), textOf(to, 'the place'), index)
    if (typeof remove !== 'string') throw malformed('no command to members')
    return this.#placements.get(remove)?.at === textOf(from, 'the place') && this.#placements.delete(remove)
  }

  #join(peer: string, info: unknown, index: number): number {
    const since = this.#members.get(peer)?.since ?? index
    checkRoom(this.#members, peer)
    this.#members.set(peer, { since, info })
    return since
  }

  #place(agent: string, at: string, index: number): number {
    const placed = this.#placements.get(agent)
    if (placed?.at === at) return placed.since
    const gone = placed !== undefined && this.#members.size > 0 && !this.#members.has(placed.at)
    if (placed !== undefined && !gone) throw elsewhere(agent, placed)
    checkRoom(this.#placements, agent)
    this.#placements.set(agent, { at, since: index })
    return index
  }

  #begin(agent: string, from: string, to: string): number {
    const placed = this.#placements.get(agent)
    if (placed?.at !== from) throw elsewhere(agent, placed)
    const { at, since } = placed
    this.#placements.set(agent, to === at ? { at, since } : { at, since, to })
    return since
  }

  #move(agent: string, from: string, to: string, index: number): number {
    const placed = this.#placements.get(agent)
    if (placed?.at !== from) throw elsewhere(agent, placed)
    this.#placements.set(agent, { at: to, since: index })
    return index
  }

  query(question: unknown): unknown {
    const { member, placement, members, placements } = fieldsOf(question)
    if (typeof member === 'string') return this.#members.get(member)
    if (typeof placement === 'string') return this.#placements.get(placement)
    if (members === true) return byName(this.#members)
    if (placements === true) return byName(this.#placements)
    throw malformed('no question to members')
  }

  /** How many members, the members, the placements. */
  snapshot(): unknown[] {
    const members = Array.from(this.#members, ([peer, { since, info }]) => [peer, since, info])
    const placements = Array.from(this.#placements, ([agent, { at, since, to }]) =>
      to === undefined ? [agent, at, since] : [agent, at, since, to]
    )
    return [members.length, ...members, ...placements]
  }

  restore(state: unknown): void {
    const flat = listOf(state, 'the records')
    const first = 1 + wholeOf(flat[0], 'how many members')
    if (first > flat.length) throw malformed('fewer members than it says')
    this.#members = new Map(flat.slice(1, first).map(memberFrom))
    this.#placements = new Map(flat.slice(first).map(placementFrom))
  }
}

function memberFrom(data: unknown): [string, Member] {
  const [peer, since, info] = listOf(data, 'a member')
  return [textOf(peer, 'a member'), { since: wholeOf(since, 'a member', 1), info }]
}

function placementFrom(data: unknown): [string, Placement] {
  const [agent, at, since, to] = listOf(data, 'a placement')
  const placed = { at: textOf(at, 'its place'), since: wholeOf(since, 'a placement', 1) }
  return [textOf(agent, 'an agent'), to === undefined ? placed : { ...placed, to: textOf(to, 'the next place') }]
}

function checkRoom(records: ReadonlyMap<string, unknown>, name: string): void {
  if (records.size < MOST_RECORDS || records.has(name)) return
  throw new MeshError('ERR_LIMIT', `${MOST_RECORDS} are on record`)
}

function elsewhere(agent: string, placed: Placement | undefined): MeshError {
  return new MeshError('ERR_CONFLICT', placed === undefined ? `${agent} has no place` : `${agent} is at ${placed.at}`)
}

function byName<T>(records: ReadonlyMap<string, T>): [name: string, record: T][] {
  return [...records].sort(([a], [b]) => (a < b ? -1 : 1))
}
