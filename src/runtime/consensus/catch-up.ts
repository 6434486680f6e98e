import { MeshError } from '../../../protocols/errors.ts'
import type { Status } from '../../core/consensus/raft.ts'

/** As the thesis has it (4.2.1): who has not caught up by then is too slow to be waited for. */
const ROUNDS = 10
/** Ticks in which who is behind gives no sign: then it is not there. A guess, below the time-out of a call. */
const SILENCE = 30

interface Voter {
  readonly isNew: boolean
  /** What it lacked when its round began, and for how many ticks it has lacked some of that. */
  goal: number
  ticks: number
  rounds: number
  silence: number
  /** How far it was when last looked at. */
  sign: string
  state: 'behind' | 'there' | 'silent' | 'slow'
}

/**
 * Whether a group could go on with the voters that it is to have: a majority of them has the log, and all that are new, which
 * learn meanwhile. Each has it once a round of what came during the round before took less than an election (thesis
 * 4.2.1). Before that a change would stop the group until they have it, for ever where they are not there.
 */
export class CatchUp {
  readonly #group: string
  readonly #patience: number
  readonly #voters: ReadonlyMap<string, Voter>
  readonly #result = Promise.withResolvers<void>()

  /** `patience`: ticks of an election. */
  constructor(group: string, { id, last, configuration }: Status, target: readonly string[], patience: number) {
    this.#group = group
    this.#patience = patience
    const voterOf = (peer: string): [string, Voter] => [
      peer,
      {
        ...{ isNew: !configuration.voters.includes(peer), goal: last, ticks: 0, rounds: 0, silence: 0, sign: '' },
        state: peer === id ? 'there' : 'behind'
      }
    ]
    this.#voters = new Map(target.map(voterOf))
  }

  /** Rejects with `ERR_PEER_UNREACHABLE` where somebody does not answer, `ERR_TIMEOUT` where it is too slow. */
  get ended(): Promise<void> {
    return this.#result.promise
  }

  tick(status: Status): void {
    for (const voter of this.#voters.values()) voter.ticks++
    this.#look(status, 1)
  }

  look(status: Status): void {
    this.#look(status, 0)
  }

  stop(error: Error): void {
    this.#result.reject(error)
  }

  #look(status: Status, ticks: number): void {
    for (const { peer, state, match, received } of status.followers) {
      const voter = this.#voters.get(peer)
      if (voter?.state !== 'behind') continue
      const sign = `${state} ${match} ${received}`
      voter.silence = sign === voter.sign ? voter.silence + ticks : 0
      voter.sign = sign
      if (match >= voter.goal) this.#round(voter, status.last)
      else if (voter.silence >= SILENCE) voter.state = 'silent'
    }
    this.#judge()
  }

  #round(voter: Voter, last: number): void {
    if (voter.ticks <= this.#patience) voter.state = 'there'
    else if (++voter.rounds >= ROUNDS) voter.state = 'slow'
    voter.goal = last
    voter.ticks = 0
  }

  #judge(): void {
    const voters = [...this.#voters]
    const are = (...states: Voter['state'][]): number => voters.filter(([, { state }]) => states.includes(state)).length
    const failed = voters.find(([, { state }]) => state === 'silent' || state === 'slow')
    const isNew = voters.find(([, voter]) => voter.isNew && (voter.state === 'silent' || voter.state === 'slow'))
    const majority = Math.floor(voters.length / 2) + 1
    if (isNew !== undefined) this.stop(this.#failure(...isNew))
    else if (failed !== undefined && are('there', 'behind') < majority) this.stop(this.#failure(...failed))
    else if (are('there') >= majority && voters.every(([, { isNew, state }]) => !isNew || state === 'there'))
      this.#result.resolve()
  }

  #failure(peer: string, { state, isNew }: Voter): MeshError {
    const group = this.#group
    const details = { group, peer }
    if (state === 'slow') return new MeshError('ERR_TIMEOUT', `${peer} does not keep up with ${group}`, { details })
    const hint = isNew ? ': has it opened the group?' : ''
    const text = `the voters of ${group} stay as they are, since ${peer} does not answer${hint}`
    return new MeshError('ERR_PEER_UNREACHABLE', text, { details })
  }
}
