import { cloneData } from '../../../protocols/envelope/clone.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { Agent } from '../../agent/agent.ts'
import { wrong } from '../../agent/options.ts'
import type { WaitOptions } from '../../agent/types.ts'
import { MACHINE } from '../../core/replicated/replicated-state.ts'
import type { GroupClient } from '../../runtime/consensus/client/group-client.ts'
import type { Asked, LocalReplica } from '../../runtime/consensus/client/types.ts'
import type { Clock } from '../../runtime/ports.ts'
import { bounded } from '../waiting.ts'
import { Candidacy, type Candidate } from './election.ts'
import { acquire, type Holding, lateLock } from './holding.ts'
import { checkKey, checkName, checkObject, lockOf, membersOf, peerOf, readOf, waitOf, watchOf } from './options.ts'
import type {
  ConsensusGroup,
  ConsensusLock,
  ConsensusStatus,
  Election,
  KeyValueGroup,
  LockOptions,
  MachineGroup,
  Proposed,
  ReadOptions,
  WatchedCommand,
  WatchedValue,
  WatchOptions,
  WatchSnapshot
} from './types.ts'
import { shownCommand, shownValue, valuesOf, watch } from './watch.ts'

export interface GroupParts {
  readonly name: string
  readonly self: string
  readonly client: GroupClient
  readonly replica: LocalReplica
  readonly clock: Clock
  nonce(): string
  /** Throws `ERR_CONFIG` where the agent is none of this node's. */
  onAgentClosed(agent: Agent, closed: () => void): () => void
}

/** What the node lets go of, though its holder did not ask for it: its signal says so first. */
interface Held {
  letGo(timeout: number): Promise<void>
}

/** What every group has, whatever it holds. */
abstract class Group implements ConsensusGroup {
  readonly name: string
  /** Not public. */
  readonly parts: GroupParts
  /** To be let go when the node stops. */
  readonly #held = new Set<Held>()

  constructor(parts: GroupParts) {
    this.name = parts.name
    this.parts = parts
  }

  async lock(name: string, options: LockOptions = {}): Promise<ConsensusLock> {
    checkName(name)
    const { wait, ttl } = lockOf(options, 'lock')
    const { client, clock, nonce } = this.parts
    const { signal, timeout } = wait
    try {
      const acquiring = { client, clock, name: `lock ${name}`, waiter: nonce(), ttl, signal, timeout }
      return this.#lock(name, await acquire(acquiring))
    } catch (error) {
      throw lateLock(error, name)
    }
  }

  #lock(name: string, holding: Holding): ConsensusLock {
    const all = this.#held
    const held: Held = {
      letGo: (timeout) => {
        holding.giveUp(new MeshError('ERR_STOPPED', 'the node is stopped', { details: { name } }))
        return lock.release({ timeout })
      }
    }
    const lock = {
      name,
      token: holding.token,
      lost: holding.lost,
      release: async (options: WaitOptions = {}) => {
        all.delete(held)
        try {
          await holding.release(waitOf(options, 'release'))
        } catch (error) {
          throw lateLock(error, name)
        }
      },
      // Else the ttl ends it.
      [Symbol.asyncDispose]: () => lock.release().catch(() => {})
    }
    all.add(held)
    holding.lost.addEventListener('abort', () => all.delete(held), { once: true })
    return lock
  }

  async elect(name: string, agent: Agent, options: LockOptions = {}): Promise<Election> {
    checkName(name)
    const { wait, ttl } = lockOf(options, 'elect')
    if (typeof agent !== 'object' || agent === null || typeof agent.name !== 'string') {
      throw wrong('agent', 'an agent of this node')
    }
    const { self: peer, client, clock, nonce, onAgentClosed } = this.parts
    const held: Held = { letGo: (timeout) => candidacy.resign({ timeout }) }
    const candidate: Candidate = {
      ...{ client, clock, nonce, peer, ttl, name: `election ${name}`, agent: agent.name },
      onClosed: (closed) => {
        const leave = onAgentClosed(agent, closed)
        return () => {
          leave()
          this.#held.delete(held)
        }
      }
    }
    const candidacy = new Candidacy(candidate)
    this.#held.add(held)
    try {
      const late = (): MeshError =>
        new MeshError('ERR_NO_QUORUM', 'nobody was known to lead in time', { details: { name } })
      await bounded(candidacy.known, clock, wait, late)
    } catch (error) {
      void candidacy.resign().catch(() => {})
      throw error
    }
    return candidacy
  }

  async changeVoters(
    voters: Parameters<ConsensusGroup['changeVoters']>[0],
    options: Parameters<ConsensusGroup['changeVoters']>[1] = {}
  ): Promise<void> {
    checkObject(options)
    const { learners = [], ...wait } = options
    const members = membersOf(voters, learners)
    await this.parts.client.change(members.voters, members.learners, waitOf(wait, 'changeVoters'))
  }

  status(): ConsensusStatus {
    const { replica, client } = this.parts
    if (!client.isMember) {
      const { term, leader, seen } = client
      const { voters, learners } = client.members
      const ended = replica.ended && { code: replica.ended.code, message: replica.ended.message }
      return { role: 'client', term, leader, commit: seen, applied: seen, voters, learners, ended, progress: [] }
    }
    const { role, term, leader, commit, applied, configuration, followers } = replica.status()
    const { voters, learners } = configuration
    return {
      ...{ role: role === 'pre-candidate' ? 'candidate' : role, term, leader, commit, applied },
      ...{
        voters,
        learners,
        ended: undefined,
        progress: followers.map(({ peer, state, match }) => ({ peer, state, match }))
      }
    }
  }

  async transferLeadership(to?: Parameters<ConsensusGroup['transferLeadership']>[0], options: WaitOptions = {}) {
    const heir = to === undefined ? undefined : peerOf('to', to)
    try {
      await this.parts.client.transfer(heir, waitOf(options, 'transferLeadership'))
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'ERR_CONFIG' || error.details !== undefined) throw error
      throw wrong('to', 'another voter than the leader')
    }
  }

  async snapshot(options: WaitOptions = {}): Promise<{ index: number; term: number }> {
    return this.parts.client.snapshot(waitOf(options, 'snapshot'))
  }

  /** Lets go of what this node holds: the next in line need not wait for the ttl. Not public. */
  async letGo(timeout: number): Promise<void> {
    await Promise.allSettled([...this.#held].map((held) => held.letGo(timeout)))
  }
}

export class KeyValues extends Group implements KeyValueGroup {
  async propose(key: string, value: unknown, options: WaitOptions = {}): Promise<Proposed<undefined>> {
    checkKey(key)
    const asked = await this.parts.client.propose(MACHINE, { put: key, value }, waitOf(options, 'propose'))
    return { ...proposedOf(asked), result: undefined }
  }

  /** Not async: a promise around the client's would be three more turns of the microtask queue for each read. */
  read(key: string, options: ReadOptions = {}): Promise<unknown> {
    try {
      checkKey(key)
      const { wait, consistency } = readOf(options)
      return this.parts.client.read(MACHINE, { get: key }, consistency, wait)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async compareAndSet(key: string, expected: unknown, value: unknown, options: WaitOptions = {}): Promise<boolean> {
    checkKey(key)
    const command = { compare: key, expected, value }
    return (await this.parts.client.propose(MACHINE, command, waitOf(options, 'compareAndSet'))).value === true
  }

  watch(options: WatchOptions = {}): AsyncIterableIterator<WatchedValue | WatchSnapshot<ReadonlyMap<string, unknown>>> {
    const { client } = this.parts
    return watch<WatchedValue, ReadonlyMap<string, unknown>>({
      ...{ client, ...watchOf(options), shown: shownValue, state: valuesOf }
    })
  }
}

export class OwnMachine extends Group implements MachineGroup {
  async propose(command: unknown, options: WaitOptions = {}): Promise<Proposed> {
    return proposedOf(await this.parts.client.propose(MACHINE, command, waitOf(options, 'propose')))
  }

  async read(question: unknown, options: ReadOptions = {}): Promise<unknown> {
    const { wait, consistency } = readOf(options)
    // Its own, also where the machine is on this host.
    return this.parts.client.read(MACHINE, cloneData(question), consistency, wait)
  }

  watch(options: WatchOptions = {}): AsyncIterableIterator<WatchedCommand | WatchSnapshot> {
    const { client } = this.parts
    return watch<WatchedCommand, unknown>({
      ...{ client, ...watchOf(options), shown: shownCommand, state: (state) => state }
    })
  }
}

function proposedOf({ id, index, term, value }: Asked): Proposed {
  return { id, index, term, result: value }
}
