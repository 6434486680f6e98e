import { MeshError } from '../../../protocols/errors.ts'
import type { Agent } from '../../agent/agent.ts'
import { wrong } from '../../agent/options.ts'
import type { GroupFor } from '../../agent/templates.ts'
import { Deliveries } from '../../core/replicated/deliveries.ts'
import { isKeyValue } from '../../core/replicated/key-value.ts'
import { Locks } from '../../core/replicated/locks.ts'
import { Members } from '../../core/replicated/members.ts'
import { MACHINE, ReplicatedState } from '../../core/replicated/replicated-state.ts'
import { Sequences } from '../../core/replicated/sequences.ts'
import type { StateMachine } from '../../core/replicated/types.ts'
import { ConsensusDriver } from '../../runtime/consensus/client/driver.ts'
import type { GroupClient } from '../../runtime/consensus/client/group-client.ts'
import { LockKeeper } from '../../runtime/consensus/client/lock-keeper.ts'
import { Replicas } from '../../runtime/consensus/replicas.ts'
import type { Links } from '../../runtime/links/types.ts'
import type { Membership } from '../../runtime/membership/types.ts'
import { groupEntry } from '../../runtime/ordering/sequences.ts'
import type { OrderingGroups } from '../../runtime/ordering/types.ts'
import type { Clock, Coordinator, Dice, Disk } from '../../runtime/ports.ts'
import type { Store } from '../../runtime/storage/types.ts'
import { bounded } from '../waiting.ts'
import { GroupCoordinator } from './coordinator.ts'
import type { GroupEvent } from './events.ts'
import { type GroupParts, KeyValues, OwnMachine } from './group.ts'
import { MemberRecords } from './member-records.ts'
import { type GroupSettings, settingsOf } from './options.ts'
import type { ConsensusGroup, ConsensusOptions } from './types.ts'

export interface GroupsParts {
  readonly self: string
  readonly clock: Clock
  readonly dice: Dice
  readonly links: Links
  readonly membership: Membership
  /** Bytes of a frame that every node takes. */
  readonly maxFrame: number
  store(): Store
  /** Beside the store, where that outlives the process. */
  readonly marks: Disk | undefined
  emit(event: GroupEvent): void
  /** Whether the host is there and has the agent registered as one that is placed. */
  mayHave(agent: string, peer: string): boolean
  /** Whether the instance lives on this node. */
  hasAgent(agent: Agent): boolean
  /** Tells that the instance is taken off this node, until the signal aborts. */
  closings(agent: Agent, signal: AbortSignal): AsyncIterable<unknown>
}

interface Opened {
  readonly settings: GroupSettings
  readonly group: Promise<KeyValues | OwnMachine>
}

/** The group that the configuration names. */
export const CONTROL_PLANE = 'control-plane'
/** Groups of one node at most: a guess. */
const MOST_GROUPS = 1_024
/** ms that stopping spends on letting go of locks and of leadership. */
const LETTING_GO = 500

/** All groups that this node has opened. */
export class ConsensusGroups implements OrderingGroups {
  readonly #parts: GroupsParts
  readonly #replicas: Replicas
  readonly #driver: ConsensusDriver
  readonly #opened = new Map<string, Opened>()
  readonly #open = new Map<string, KeyValues | OwnMachine>()
  readonly #coordinators = new Map<string, Coordinator>()
  readonly #keepers: LockKeeper[] = []
  readonly #listeners: ((name: string) => void)[] = []
  #records: MemberRecords | undefined

  constructor(parts: GroupsParts) {
    this.#parts = parts
    const { self, clock, dice, links, membership, maxFrame, store, marks, emit } = parts
    const random = (): number => dice.random()
    this.#replicas = new Replicas({ self, clock, random, links, store, marks, maxFrame, emit })
    this.#driver = new ConsensusDriver({ self, clock, dice, links, membership })
  }

  /** The name of the group that gives total order, where there is one: the one given, else the control plane. `ERR_CONFIG`. */
  readonly groupFor: GroupFor = (group) => {
    if (group === undefined && !this.#open.has(CONTROL_PLANE)) return undefined
    return this.named(group).name
  }

  // ---- OrderingGroups ----------------------------------------------------------------------------------------------

  get names(): Iterable<string> {
    return this.#open.keys()
  }

  find(name: string): GroupClient | undefined {
    return this.#open.get(name)?.parts.client
  }

  onOpened(listener: (name: string) => void): void {
    this.#listeners.push(listener)
  }

  // ------------------------------------------------------------------------------------------------------------------

  /** Those that are open, by their names. */
  get all(): ConsensusGroup[] {
    return [...this.#open.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /**
   * What a call goes to that names that group, or none: then the control plane. `ERR_NO_CONSENSUS` where there is none;
   * `ERR_CONFIG` where it is no group that is open here.
   */
  named(group: unknown): GroupParts {
    if (group === undefined) {
      const controlPlane = this.#open.get(CONTROL_PLANE)
      if (controlPlane !== undefined) return controlPlane.parts
      const message = 'no group is named, and the node has no control plane (controlPlane.voters)'
      throw new MeshError('ERR_NO_CONSENSUS', message)
    }
    const name = typeof group === 'object' && group !== null && 'name' in group ? group.name : undefined
    const open = typeof name === 'string' ? this.#open.get(name) : undefined
    if (open === undefined) throw wrong('group', 'a group that node.consensus of this node gave')
    return open.parts
  }

  /** Of that group, or of the control plane: as `named`. */
  coordinator(group: unknown): { coordinator: Coordinator; parts: GroupParts } {
    const parts = this.named(group)
    let coordinator = this.#coordinators.get(parts.name)
    if (coordinator === undefined) this.#coordinators.set(parts.name, (coordinator = new GroupCoordinator(parts)))
    return { coordinator, parts }
  }

  async open(name: string, options: ConsensusOptions): Promise<ConsensusGroup> {
    const settings = settingsOf(name, options)
    const known = this.#opened.get(name)
    if (known !== undefined) {
      checkSame(name, known.settings, settings)
      return known.group
    }
    if (this.#opened.size >= MOST_GROUPS) throw new MeshError('ERR_LIMIT', `more than ${MOST_GROUPS} groups`)
    const group = this.#begin(name, settings)
    this.#opened.set(name, { settings, group })
    // A failure is not remembered.
    group.catch(() => this.#opened.delete(name))
    return group
  }

  async #begin(name: string, { voters, learners, machine }: GroupSettings): Promise<KeyValues | OwnMachine> {
    const { self, clock, dice } = this.#parts
    const state = stateOf(machine)
    const replica = await this.#replicas.open(name, { voters, learners, state })
    const client = this.#driver.open(name, { voters, learners }, replica)
    this.#keepers.push(new LockKeeper(replica, clock))
    this.#tellLeaders(name, replica)
    const parts: GroupParts = {
      ...{ name, self, client, replica, clock },
      nonce: () => Buffer.from(dice.bytes(16)).toString('base64url'),
      onAgentClosed: (agent, closed) => this.#onAgentClosed(agent, closed)
    }
    if (name === CONTROL_PLANE) {
      const { membership, emit, mayHave } = this.#parts
      this.#records = new MemberRecords({ name, client, replica, clock, membership, emit, mayHave })
    }
    const group = isKeyValue(machine) ? new KeyValues(parts) : new OwnMachine(parts)
    this.#open.set(name, group)
    // Whoever publishes in its order is to know who reads that.
    this.#parts.membership.set(groupEntry(name), {})
    for (const listener of this.#listeners) listener(name)
    return group
  }

  #tellLeaders(group: string, replica: GroupParts['replica']): void {
    let told = 0
    replica.onChange(() => {
      const { leader, term } = replica.status()
      if (leader === undefined || term === told) return
      told = term
      this.#parts.emit({ kind: 'consensus-leader', group, term, leader })
    })
  }

  #onAgentClosed(agent: Agent, closed: () => void): () => void {
    const { hasAgent, closings } = this.#parts
    if (!hasAgent(agent)) throw wrong('agent', 'an agent of this node that is not closed')
    const controller = new AbortController()
    const follow = async (): Promise<void> => {
      for await (const _ of closings(agent, controller.signal)) closed()
    }
    void follow()
    return () => controller.abort()
  }

  /** Others need not wait for what runs out: they may have its locks, and lead. Bounded. */
  async letGo(): Promise<void> {
    await Promise.all([...this.#open.values()].map((group) => group.letGo(LETTING_GO)))
    const handingOver = Array.from(this.#open.keys(), async (name) => this.#replicas.get(name)?.transfer())
    await bounded(Promise.allSettled(handingOver), this.#parts.clock, { timeout: LETTING_GO }).catch(() => {})
  }

  stop(): void {
    this.#records?.stop()
    for (const keeper of this.#keepers) keeper.stop()
    this.#driver.stop()
    this.#replicas.stop()
  }
}

/** The parts are the same on every member, whether the group is asked for them or not. */
function stateOf(machine: StateMachine): ReplicatedState {
  const locks = new Locks()
  const parts = { locks, deliveries: new Deliveries(locks), sequences: new Sequences(), members: new Members() }
  return new ReplicatedState({ [MACHINE]: machine, ...parts })
}

function checkSame(name: string, known: GroupSettings, given: GroupSettings): void {
  for (const key of ['voters', 'learners'] as const) {
    if (known[key].toSorted().join() !== given[key].toSorted().join()) throw differs(name, key)
  }
  if (known.machine === given.machine || (isKeyValue(known.machine) && isKeyValue(given.machine))) return
  throw differs(name, 'machine')
}

function differs(name: string, key: string): MeshError {
  return new MeshError('ERR_CONFIG', `the group ${name} is open here with other ${key}`, {
    details: { key, group: name }
  })
}
