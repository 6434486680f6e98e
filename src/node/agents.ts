import type { AttributeSet } from '../../protocols/envelope/attributes.ts'
import { MeshError } from '../../protocols/errors.ts'
import { Agent } from '../agent/agent.ts'
import type { AgentNode } from '../agent/agent-port.ts'
import type { ReceiveContext } from '../agent/context.ts'
import type { Handling } from '../agent/handling.ts'
import { Inbox, type InboxHost } from '../agent/inbox.ts'
import { checkWait, checkWaitKeys } from '../agent/options.ts'
import { sourceOf } from '../agent/source.ts'
import { StateSpace } from '../agent/state.ts'
import { SharedState, type StateHome } from '../agent/state-home.ts'
import { type GroupFor, Templates } from '../agent/templates.ts'
import type { AgentHandlers, WaitOptions } from '../agent/types.ts'
import type { Router } from '../core/routing/router.ts'
import type { Alarm } from '../runtime/delivery/alarm.ts'
import type { Composer } from '../runtime/delivery/composer.ts'
import type { Directory } from '../runtime/directory/types.ts'
import type { Membership } from '../runtime/membership/types.ts'
import type { Clock, Coordinator, Dice } from '../runtime/ports.ts'
import { checked, checkName, equip, groupOf, isAsked } from './agent-handlers.ts'
import { type Atlas, agentKey } from './atlas.ts'
import type { Limits } from './config.ts'
import type { GroupParts } from './consensus/group.ts'
import type { NodeEventBody } from './events.ts'
import type { LoadShedder } from './load-shedder.ts'
import type { Mailboxes } from './mailboxes.ts'
import { PlacedAgent } from './placement/placed-agent.ts'
import { candidateKey } from './placement/record.ts'
import type { AgentRegistry, LocalAgent } from './registry.ts'
import { bounded } from './waiting.ts'

export interface AgentsParts {
  self: string
  clock: Clock
  dice: Dice
  membership: Membership
  directory: Pick<Directory, 'provide' | 'provided' | 'withdraw'>
  registry: AgentRegistry
  router: Pick<Router, 'group'>
  atlas: Atlas
  composer: Composer
  alarm: Alarm<ReceiveContext>
  handling: Handling
  /** Where the state is kept of agents that share it with no other host. */
  home: () => StateHome
  /** What agents share by a group, by the control plane where it is undefined. `ERR_NO_CONSENSUS`, `ERR_CONFIG`. */
  coordinator: (group: unknown) => { coordinator: Coordinator; parts: GroupParts }
  limits: Limits
  /** The group that gives total order. */
  groupFor: GroupFor
  mailboxes: Mailboxes
  shedder: LoadShedder
  node: Omit<AgentNode, 'closeAgent'>
  emit: (event: NodeEventBody) => void
}

interface Hosted extends LocalAgent {
  /** The group by which it knows what was handled elsewhere. */
  readonly coordinated: string | undefined
  /** Says when it is here, where it is not always. */
  placed: PlacedAgent | undefined
}

/** Registers agents: here, in the view and in the directory. */
export class Agents {
  readonly #parts: AgentsParts
  readonly #local = new Map<Agent, Hosted>()

  constructor(parts: AgentsParts) {
    this.#parts = parts
  }

  async register(name: string, handlers: AgentHandlers, options: WaitOptions): Promise<Agent> {
    checkName(name)
    checkWait(options)
    checkWaitKeys(options)
    const { registry, clock } = this.#parts
    const instance = Buffer.from(this.#parts.dice.bytes(5)).toString('hex')
    const { receive, handle, coordinated, placed, ...mailbox } = checked(handlers)
    const by = isAsked(placed) ? placed : coordinated
    const shared = isAsked(by) ? this.#parts.coordinator(groupOf(by)) : undefined
    if (isAsked(placed)) this.#checkAlone(name)
    const state = new StateSpace(name, shared ? new SharedState(shared.coordinator) : this.#parts.home())
    const inbox = new Inbox(this.#inboxHost(name, instance, state, shared?.coordinator, isAsked(placed)), mailbox)
    const agent = this.#agent(name, instance, state, inbox)
    const local: Hosted = { name, instance, inbox, coordinated: shared?.parts.name, placed: undefined }
    equip(agent, receive, handle)
    if (isAsked(placed)) local.placed = this.#placed(local, shared!.parts)
    else registry.add(local)
    this.#local.set(agent, local)
    try {
      if (local.placed === undefined) await this.#announce(local, options)
      else await bounded(this.#offered(name, local.placed), clock, options)
    } catch (error) {
      // Its caller has nothing to close it by.
      void agent.close()
      throw error
    }
    return agent
  }

  /** The mesh is to find it here; the registry has it. */
  async #announce(local: Hosted, options: WaitOptions): Promise<void> {
    const { atlas, membership, directory, clock } = this.#parts
    const { name, instance, coordinated } = local
    atlas.localUp(name, instance, coordinated)
    const version = membership.set(agentKey(name, instance), coordinated === undefined ? {} : { coordinated })
    directory.provide(name)
    await bounded(membership.announced(version), clock, options)
    // Beyond the view others find it by the directory alone.
    if (membership.partial) await bounded(directory.provided(name), clock, options)
  }

  /** Whether the host has registered the agent as one that is placed, as far as this node knows. */
  mayHave(name: string, peer: string): boolean {
    const { self, membership } = this.#parts
    if (peer !== self) return membership.member(peer)?.entries.get(candidateKey(name))?.value !== undefined
    return this.#local.values().some((local) => local.name === name && local.placed !== undefined)
  }

  /** Whether this node finds the agent there. */
  isUp(name: string, peer: string): boolean {
    return this.#parts.router.group(name)?.targets.has(peer) === true
  }

  /** Of two on one host that are placed nobody could say which of them moves. */
  #checkAlone(name: string): void {
    if (!this.mayHave(name, this.#parts.self)) return
    throw new MeshError('ERR_ALREADY_REGISTERED', `${name} is registered here already, and is placed`)
  }

  #placed(local: Hosted, { client }: GroupParts): PlacedAgent {
    const { self, registry, clock } = this.#parts
    const { name, inbox } = local
    return new PlacedAgent({
      ...{ name, self, client, clock, inbox },
      up: () => {
        registry.add(local)
        return this.#announce(local, {})
      },
      down: () => void this.#withdraw(local),
      mayHave: (peer) => this.mayHave(name, peer),
      isUp: (peer) => this.isUp(name, peer)
    })
  }

  /** Everybody knows that it may be moved here. */
  async #offered(name: string, placed: PlacedAgent): Promise<void> {
    const { membership } = this.#parts
    await Promise.all([placed.known, membership.announced(membership.set(candidateKey(name), {}))])
  }

  /** The node is leaving: nobody is told, since they were told that. */
  stop(): void {
    for (const agent of this.#local.keys()) void agent.close()
  }

  async #close(agent: Agent): Promise<void> {
    const local = this.#local.get(agent)
    if (local === undefined) return
    this.#local.delete(agent)
    if (local.placed === undefined) return this.#withdraw(local)
    local.placed.close()
    const version = this.#parts.membership.delete(candidateKey(local.name))
    await this.#parts.membership.announced(version).catch(() => {})
  }

  async #withdraw(local: LocalAgent): Promise<void> {
    const { registry, atlas, membership, directory } = this.#parts
    const { name, instance } = local
    registry.remove(local)
    atlas.localDown(name, instance)
    if (!registry.has(name)) directory.withdraw(name)
    const version = membership.delete(agentKey(name, instance))
    await membership.announced(version).catch(() => {})
  }

  #agent(name: string, instance: string, state: StateSpace, inbox: Inbox): Agent {
    const { self, composer, limits, node, groupFor } = this.#parts
    const source = sourceOf(self, name)
    const closing: AgentNode = Object.assign(Object.create(node) as AgentNode, {
      closeAgent: () => this.#close(agent)
    })
    const sends = new Templates(source, composer.lineage, 'point-to-point', limits, {}, groupFor)
    const requests = new Templates(source, composer.lineage, 'request-response', limits)
    const agent = new Agent(name, instance, closing, state, inbox, sends, requests)
    return agent
  }

  #inboxHost(
    name: string,
    instance: string,
    state: StateSpace,
    coordinator: Coordinator | undefined,
    placed: boolean
  ): InboxHost {
    const { self, clock, dice, limits, alarm, handling, composer, mailboxes, shedder } = this.#parts
    const source = sourceOf(self, name)
    const replies = new Map<string, AttributeSet>()
    return {
      clock,
      limits: limits.mailbox,
      alarm,
      handling,
      state,
      coordinator,
      placed,
      random: () => dice.random(),
      attributes: (type) => {
        let set = replies.get(type)
        if (set === undefined) {
          if (replies.size >= 1024) replies.clear()
          set = { source, type: `${type}.reply`, routing: { pattern: 'request-response' }, lineage: composer.lineage }
          replies.set(type, set)
        }
        return set
      },
      shed: (peer, priority) => shedder.shed(name, peer, priority),
      refused: () => mailboxes.refused(),
      ...mailboxes.hostFor(name, instance)
    }
  }
}
