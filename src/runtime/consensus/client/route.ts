import { FRAME_BYTES, MAX_BATCH } from '../../../../protocols/consensus/constants.ts'
import type { Call, Failed } from '../../../../protocols/consensus/messages.ts'
import { MeshError, meshErrorOf } from '../../../../protocols/errors.ts'
import type { LeaderSearch } from '../../../core/consensus/leader-search.ts'
import { Roster } from '../../../core/delivery/roster.ts'
import type { Clock, Timer } from '../../ports.ts'
import type { Ask, AskRoute } from './ask.ts'

/** ms between looks for replicas that are silent. */
const LOOK = 250
/** ms before what a leader could not take is asked of it again. A guess: some commits. */
const AGAIN = 20
/** What may wait or be under way on one route. A guess: some MB. */
const MOST = 16_384

export interface RouteParts {
  readonly group: string
  readonly clock: Clock
  readonly search: LeaderSearch
  /** Throws where nothing can be sent there now. */
  send(peer: string, group: string, calls: readonly Call[]): void
  cancel(peer: string, call: Call): void
  /** Somebody who should know says who the members are. */
  changed(members: readonly string[]): void
}

/**
 * The way of one kind of calls to the replica that answers them: what is asked in a turn goes in one frame, what is
 * refused or unanswered goes to whoever is next.
 */
export class Route implements AskRoute {
  readonly #parts: RouteParts
  /** To be sent, by number. */
  #waiting: Ask[] = []
  readonly #underWay = new Roster<Ask>()
  #scheduled = false
  #pause: Timer | undefined
  #look: Timer | undefined

  constructor(parts: RouteParts) {
    this.#parts = parts
  }

  get search(): LeaderSearch {
    return this.#parts.search
  }

  /** `ERR_QUEUE_FULL`. */
  ask(ask: Ask): void {
    if (this.#waiting.length + this.#underWay.size >= MOST) {
      throw new MeshError('ERR_QUEUE_FULL', `${MOST} calls of ${this.#parts.group} are under way already`)
    }
    this.#waiting.push(ask)
    this.#schedule()
  }

  /** Its caller needs no answer any more. */
  drop(ask: Ask): void {
    if (this.#take(ask) && ask.peer !== undefined) this.#parts.cancel(ask.peer, ask.call)
  }

  /** It was answered by the replica, well. */
  answered(ask: Ask, peer: string): void {
    this.#underWay.delete(ask)
    if (peer === this.search.target) this.search.answered()
  }

  failed(ask: Ask, peer: string, { code, message, leader, members }: Failed): void {
    // Somebody else has it by now.
    if (ask.peer !== peer) return
    switch (code) {
      case 'ERR_NOT_LEADER':
      case 'ERR_NO_CONSENSUS':
      case 'ERR_STOPPED':
        if (members !== undefined) this.#parts.changed(members)
        this.#again(ask)
        this.#next(peer, (search) => search.refused(leader))
        break
      case 'ERR_PROPOSAL_LOST':
      case 'ERR_QUEUE_FULL':
        this.#again(ask)
        this.#wait(AGAIN)
        break
      default:
        if (code === 'ERR_CONFLICT' && ask.call.op === 'change') {
          // A change is under way, perhaps this one, asked of another leader.
          this.#again(ask)
          this.#wait(AGAIN)
        } else if (this.#take(ask)) ask.reject(meshErrorOf(code, message))
    }
  }

  /** What the replica was given will not be answered. */
  lost(peer: string): void {
    let any = false
    for (const ask of this.#underWay.values()) {
      if (ask.peer !== peer) continue
      this.#again(ask)
      any = true
    }
    if (any) this.#next(peer, silent)
  }

  /** The node's own replica has heard who leads: whatever another one has is asked again. */
  led(leader: string): void {
    if (!this.search.hint(leader)) return
    for (const ask of this.#underWay.values()) this.#again(ask)
    this.#go()
  }

  close(error: Error): void {
    this.#pause?.cancel()
    this.#look?.cancel()
    for (const ask of [...this.#waiting.splice(0), ...this.#underWay.values()]) {
      this.#underWay.delete(ask)
      ask.reject(error)
    }
  }

  // ---- sending -----------------------------------------------------------------------------------------------------

  /** Whether it was under way. */
  #take(ask: Ask): boolean {
    if (ask.place < 0) return false
    this.#underWay.delete(ask)
    return true
  }

  #again(ask: Ask): void {
    if (!this.#take(ask)) return
    ask.peer = undefined
    this.#waiting.push(ask)
  }

  /** One failure, however many calls met it. */
  #next(peer: string, failed: (search: LeaderSearch) => number): void {
    const known = this.#pause !== undefined || peer !== this.search.target
    const pause = known ? 0 : failed(this.search)
    if (pause === 0) this.#schedule()
    else this.#wait(pause)
  }

  #wait(ms: number): void {
    this.#pause ??= this.#parts.clock.after(ms, () => {
      this.#pause = undefined
      this.#schedule()
    })
  }

  #go(): void {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#pause !== undefined || this.#waiting.length === 0) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    const { clock, group, search } = this.#parts
    if (this.#pause !== undefined) return
    const asks = this.#waiting.filter(({ settled }) => !settled).sort(byNumber)
    this.#waiting = []
    const now = clock.monotonic()
    for (let from = 0; from < asks.length; ) {
      const peer = search.target
      const to = endOfFrame(asks, from)
      const batch = asks.slice(from, to)
      for (const ask of batch) {
        ask.sent(peer, now)
        this.#underWay.add(ask)
      }
      from = to
      try {
        this.#parts.send(
          peer,
          group,
          batch.map(({ call }) => call)
        )
      } catch (error) {
        this.#unsent(batch, error)
        this.#waiting.push(...asks.slice(from))
        break
      }
    }
    if (this.#underWay.size > 0) this.#watch()
  }

  #unsent(batch: readonly Ask[], error: unknown): void {
    if (!(error instanceof MeshError)) throw error
    for (const ask of batch) {
      if (error.retryable) this.#again(ask)
      else if (this.#take(ask)) ask.reject(error)
    }
    if (error.code === 'ERR_QUEUE_FULL') this.#wait(AGAIN)
    else if (error.retryable) this.#next(this.search.target, silent)
    else this.#schedule()
  }

  // ---- silence -----------------------------------------------------------------------------------------------------

  #watch(): void {
    this.#look ??= this.#parts.clock.after(LOOK, () => {
      this.#look = undefined
      const now = this.#parts.clock.monotonic()
      const silent = new Set<string>()
      for (const { peer, sentAt, patience } of this.#underWay.values()) if (now - sentAt > patience) silent.add(peer!)
      for (const peer of silent) this.lost(peer)
      if (this.#underWay.size > 0) this.#watch()
    })
  }
}

/** As many as a frame holds, one at least. */
function endOfFrame(asks: readonly Ask[], from: number): number {
  let to = from
  let bytes = 0
  while (to < asks.length && to - from < MAX_BATCH && (to === from || bytes + asks[to]!.size <= FRAME_BYTES)) {
    bytes += asks[to++]!.size
  }
  return to
}

function silent(search: LeaderSearch): number {
  return search.silent()
}

function byNumber(a: Ask, b: Ask): number {
  return a.number - b.number
}
