import { MeshError } from '../../../protocols/errors.ts'
import { isJoint, type Target } from '../../core/consensus/configuration.ts'
import type { Status } from '../../core/consensus/raft.ts'
import type { Entry } from '../../core/consensus/types.ts'
import type { CatchUp } from './catch-up.ts'
import { lostError } from './proposals.ts'

/** What a leader is asked that takes longer than one entry: another configuration, another leader. */
export class Changes {
  #reconfiguring: (PromiseWithResolvers<void> & { readonly target: Target }) | undefined
  #transferring: (PromiseWithResolvers<void> & { ticks: number }) | undefined
  #catchingUp: CatchUp | undefined
  /** Where the latest configuration stands in the log. */
  #configured = 0

  /** Resolves once the group could go on with those voters. */
  async caughtUp(catchUp: CatchUp, status: Status): Promise<void> {
    this.#catchingUp = catchUp
    catchUp.look(status)
    try {
      await catchUp.ended
    } finally {
      this.#catchingUp = undefined
    }
  }

  /** The machine has taken it. Resolves when it has ended. */
  reconfigure(target: Target): Promise<void> {
    this.#reconfiguring = { ...Promise.withResolvers<void>(), target }
    return this.#reconfiguring.promise
  }

  /** The machine has taken it. Resolves when this node leads no more, or rejects after so many ticks. */
  transfer(ticks: number): Promise<void> {
    this.#transferring ??= { ...Promise.withResolvers<void>(), ticks }
    return this.#transferring.promise
  }

  /** The entries go to the log. True where the configuration is another now. */
  written(entries: readonly Entry[]): boolean {
    const latest = entries.findLast(({ kind }) => kind === 'configuration')
    if (latest !== undefined) this.#configured = latest.index
    return latest !== undefined
  }

  tick(status: () => Status): void {
    this.#catchingUp?.tick(status())
    const transfer = this.#transferring
    if (transfer === undefined || --transfer.ticks > 0) return
    this.#transferring = undefined
    transfer.reject(new MeshError('ERR_TIMEOUT', 'nobody has taken over in the time of an election'))
  }

  /** All that the machine had put down is carried out. */
  look(status: () => Status): void {
    this.#catchingUp?.look(status())
    const change = this.#reconfiguring
    if (change === undefined) return
    const { configuration, commit, role } = status()
    const done = !isJoint(configuration) && isTarget(configuration, change.target) && commit >= this.#configured
    if (!done && role === 'leader') return
    this.#reconfiguring = undefined
    if (done) change.resolve()
    else change.reject(lostError())
  }

  /** This node leads no more. */
  stepsDown(): void {
    this.#transferring?.resolve()
    this.#transferring = undefined
    this.#catchingUp?.stop(lostError())
  }

  stop(error: Error): void {
    this.#reconfiguring?.reject(error)
    this.#transferring?.reject(error)
    this.#catchingUp?.stop(error)
    this.#reconfiguring = this.#transferring = undefined
  }
}

/** Who has most of the log among the other voters; of a leader's status. */
export function heirOf({ configuration, followers }: Status): string | undefined {
  const voters = followers.filter(({ peer }) => configuration.voters.includes(peer))
  return voters.toSorted((a, b) => b.match - a.match)[0]?.peer
}

function isTarget(now: Target, { voters, learners }: Target): boolean {
  return now.voters.join() === voters.join() && now.learners.join() === learners.join()
}
