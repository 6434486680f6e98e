import type { Call, CallBody, Done } from '../../../../protocols/consensus/messages.ts'
import { MeshError } from '../../../../protocols/errors.ts'
import { LeaderSearch } from '../../../core/consensus/leader-search.ts'
import { Alarm } from '../../delivery/alarm.ts'
import type { Clock, Dice } from '../../ports.ts'
import { Ask, type AskOwner } from './ask.ts'
import { type Expiring, Pending } from './pending.ts'
import { Route } from './route.ts'
import type { Wait } from './types.ts'

export interface GroupCallsParts {
  readonly group: string
  readonly self: string
  readonly clock: Clock
  readonly dice: Dice
  /** Where the group begins: whom to ask. */
  readonly members: { readonly voters: readonly string[]; readonly learners: readonly string[] }
  /** As the membership has it. */
  isAlive(peer: string): boolean
  /** Throws where nothing can be sent there now. */
  send(peer: string, group: string, calls: readonly Call[]): void
  cancel(peer: string, call: Call): void
  /** Another member says who the members are. */
  told(members: readonly string[]): void
  /** Why this node's own replica takes no part any more. */
  ended(): MeshError | undefined
  /** For the next ask. */
  number(): number
  /** Its answers are its own until `settled`. */
  register(ask: Ask): void
  settled(ask: Ask): void
}

/** What is under way of one group's calls, each bounded by its caller's time and signal. */
export class GroupCalls {
  /** To the leader. */
  readonly leader: Route
  /** To whichever member answers. */
  readonly anybody: Route
  readonly #parts: GroupCallsParts
  readonly #alarm: Alarm<Expiring>
  #closed: MeshError | undefined

  constructor(parts: GroupCallsParts) {
    this.#parts = parts
    const { group, self, clock, dice, members, isAlive, send, cancel, told } = parts
    this.#alarm = new Alarm(clock, (pending) => pending.expire())
    const known = { self, isAlive, members: [...members.voters, ...members.learners] }
    const search = (): LeaderSearch => new LeaderSearch({ ...known, random: () => dice.random() })
    const changed = (now: readonly string[], by: string): void => {
      this.changed(now)
      if (by !== self) told(now)
    }
    const route = (): Route => new Route({ group, clock, send, cancel, changed, search: search() })
    this.leader = route()
    this.anybody = route()
  }

  get closed(): MeshError | undefined {
    return this.#closed
  }

  /** The members are others now. */
  changed(members: readonly string[]): void {
    this.leader.search.changed(members)
    this.anybody.search.changed(members)
  }

  /** What the leader has to say: at the timeout there is none, `ERR_NO_QUORUM`. */
  lead(body: CallBody, wait: Wait): Promise<Done> {
    return this.call(this.leader, body, wait, whole)
  }

  /** What any member has to say: `ERR_TIMEOUT`. */
  follow(body: CallBody, wait: Wait): Promise<Done> {
    return this.call(this.anybody, body, wait, whole)
  }

  /** What is taken of the answer; rejects with what `take` throws. */
  call<T>(route: Route, body: CallBody, wait: Wait, take: (done: Done) => T): Promise<T> {
    const late = route === this.leader ? this.noQuorum : lateAnswer
    const waiting = new CallWait<T>(this.#alarm, this.#parts.clock, wait, late, take)
    if (this.#closed !== undefined) waiting.reject(this.#closed)
    if (waiting.settled) return waiting.promise
    try {
      const ask = this.begin(route, body, waiting)
      waiting.onDropped = (reason) => this.drop(ask, reason)
    } catch (error) {
      waiting.reject(error)
    }
    return waiting.promise
  }

  pending<T>(wait: Wait, late: () => MeshError): Pending<T> {
    const pending = new Pending<T>(this.#alarm, this.#parts.clock, wait, late)
    if (this.#closed !== undefined) pending.reject(this.#closed)
    return pending
  }

  /** Bounded by whoever asks. `ERR_QUEUE_FULL`. */
  ask(route: Route, body: CallBody): { ask: Ask; done: Promise<Done> } {
    const { promise: done, resolve, reject } = Promise.withResolvers<Done>()
    const owner: AskOwner = { answered: (_, it) => resolve(it), failed: (_, error) => reject(error) }
    return { ask: this.begin(route, body, owner), done }
  }

  /** The same for whoever needs no promise. */
  begin(route: Route, body: CallBody, owner: AskOwner): Ask {
    const { number, register, settled } = this.#parts
    const ask = new Ask(route, number(), body, owner, settled)
    register(ask)
    try {
      route.ask(ask)
    } catch (error) {
      settled(ask)
      throw error
    }
    return ask
  }

  drop(ask: Ask, reason: unknown): void {
    ask.route.drop(ask)
    ask.reject(reason)
  }

  /** What the peer was given will not be answered. */
  lost(peer: string): void {
    this.leader.lost(peer)
    this.anybody.lost(peer)
  }

  close(error: MeshError): void {
    this.#closed = error
    this.leader.close(error)
    this.anybody.close(error)
    this.#alarm.stop()
  }

  readonly noQuorum = (): MeshError => {
    const { group } = this.#parts
    const cause = this.#parts.ended()
    const text = `no leader of ${group} answered in time`
    if (cause === undefined) return new MeshError('ERR_NO_QUORUM', text, { details: { group } })
    const why = `${text}; this node's own part in it has ended: ${cause.message}`
    return new MeshError('ERR_NO_QUORUM', why, { cause, details: { group, ended: cause.code } })
  }
}

/** A caller's wait for what it takes of one answer. */
class CallWait<T> extends Pending<T> implements AskOwner {
  readonly #take: (done: Done) => T

  constructor(alarm: Alarm<Expiring>, clock: Clock, wait: Wait, late: () => MeshError, take: (done: Done) => T) {
    super(alarm, clock, wait, late)
    this.#take = take
  }

  answered(_: Ask, done: Done): void {
    try {
      this.resolve(this.#take(done))
    } catch (error) {
      this.reject(error)
    }
  }

  failed(_: Ask, error: unknown): void {
    this.reject(error)
  }
}

function whole(done: Done): Done {
  return done
}

export function lateAnswer(): MeshError {
  return new MeshError('ERR_TIMEOUT', 'no replica answered in time')
}
