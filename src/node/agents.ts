import type { AttributeSet } from '../../protocols/envelope/attributes.ts'
import { MeshError } from '../../protocols/errors.ts'
import { MAX_NAME_BYTES } from '../../protocols/point-to-point/constants.ts'
import { Agent } from '../agent/agent.ts'
import type { AgentNode } from '../agent/agent-port.ts'
import type { ReceiveContext } from '../agent/context.ts'
import type { Handling } from '../agent/handling.ts'
import { Inbox, type InboxHost } from '../agent/inbox.ts'
import { checkWait, checkWaitKeys } from '../agent/options.ts'
import { sourceOf } from '../agent/source.ts'
import { StateSpace } from '../agent/state.ts'
import type { StateHome } from '../agent/state-home.ts'
import { Templates } from '../agent/templates.ts'
import type {
  AgentHandlers,
  HandlerOptions,
  Receiver,
  RequestHandler,
  WaitOptions,
  WithOptions
} from '../agent/types.ts'
import type { Alarm } from '../runtime/delivery/alarm.ts'
import type { Composer } from '../runtime/delivery/composer.ts'
import type { Directory } from '../runtime/directory/types.ts'
import type { Membership } from '../runtime/membership/types.ts'
import type { Clock, Coordinator, Dice } from '../runtime/ports.ts'
import { type Atlas, agentKey } from './atlas.ts'
import type { Limits } from './config.ts'
import type { NodeEventBody } from './events.ts'
import type { LoadShedder } from './load-shedder.ts'
import type { Mailboxes } from './mailboxes.ts'
import type { AgentRegistry, LocalAgent } from './registry.ts'
import { bounded } from './waiting.ts'

export interface AgentsParts {
  self: string
  clock: Clock
  dice: Dice
  membership: Membership
  directory: Pick<Directory, 'provide' | 'provided' | 'withdraw'>
  registry: AgentRegistry
  atlas: Atlas
  composer: Composer
  alarm: Alarm<ReceiveContext>
  handling: Handling
  /** Where agents' state is kept. */
  home: () => StateHome
  coordinator: Coordinator | undefined
  limits: Limits
  mailboxes: Mailboxes
  shedder: LoadShedder
  node: Omit<AgentNode, 'closeAgent'>
  emit: (event: NodeEventBody) => void
}

/** Registers agents: here, in the view and in the directory. */
export class Agents {
  readonly #parts: AgentsParts
  readonly #local = new Map<Agent, LocalAgent>()

  constructor(parts: AgentsParts) {
    this.#parts = parts
  }

  async register(name: string, handlers: AgentHandlers, options: WaitOptions): Promise<Agent> {
    checkName(name)
    checkWait(options)
    checkWaitKeys(options)
    const { registry, atlas, membership, directory, clock } = this.#parts
    const instance = Buffer.from(this.#parts.dice.bytes(5)).toString('hex')
    const state = new StateSpace(name, this.#parts.home())
    const { receive, handle, ...mailbox } = checked(handlers)
    const inbox = new Inbox(this.#inboxHost(name, instance, state), mailbox)
    const agent = this.#agent(name, instance, state, inbox)
    const local: LocalAgent = { name, instance, inbox }
    equip(agent, receive, handle)
    registry.add(local)
    this.#local.set(agent, local)
    atlas.localUp(name, instance)
    const version = membership.set(agentKey(name, instance), {})
    directory.provide(name)
    try {
      await bounded(membership.announced(version), clock, options)
      // Beyond the view others find it by the directory alone.
      if (membership.partial) await bounded(directory.provided(name), clock, options)
    } catch (error) {
      // Its caller has nothing to close it by.
      void agent.close()
      throw error
    }
    return agent
  }

  /** The node is leaving: nobody is told, since they were told that. */
  stop(): void {
    for (const agent of this.#local.keys()) void agent.close()
  }

  async #close(agent: Agent): Promise<void> {
    const local = this.#local.get(agent)
    if (local === undefined) return
    this.#local.delete(agent)
    const { registry, atlas, membership, directory } = this.#parts
    const { name, instance } = local
    registry.remove(local)
    atlas.localDown(name, instance)
    if (!registry.has(name)) directory.withdraw(name)
    const version = membership.delete(agentKey(name, instance))
    await membership.announced(version).catch(() => {})
  }

  #agent(name: string, instance: string, state: StateSpace, inbox: Inbox): Agent {
    const { self, composer, limits, node } = this.#parts
    const source = sourceOf(self, name)
    const closing: AgentNode = Object.assign(Object.create(node) as AgentNode, {
      closeAgent: () => this.#close(agent)
    })
    const sends = new Templates(source, composer.lineage, 'point-to-point', limits)
    const requests = new Templates(source, composer.lineage, 'request-response', limits)
    const agent = new Agent(name, instance, closing, state, inbox, sends, requests)
    return agent
  }

  #inboxHost(name: string, instance: string, state: StateSpace): InboxHost {
    const { self, clock, dice, limits, alarm, handling, composer, coordinator, mailboxes, shedder } = this.#parts
    const source = sourceOf(self, name)
    const replies = new Map<string, AttributeSet>()
    return {
      clock,
      limits: limits.mailbox,
      alarm,
      handling,
      state,
      coordinator,
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

const KEYS = new Set(['receive', 'handle', 'overflow', 'highWatermark', 'lowWatermark', 'maxQueue', 'redirect'])

function checked(handlers: AgentHandlers): AgentHandlers {
  if (!isRecord(handlers)) throw noHandlers('handlers', 'must be an object')
  const { receive, handle } = handlers
  for (const key of Object.keys(handlers)) if (!KEYS.has(key)) throw noHandlers(key, 'is not supported')
  if (receive !== undefined && !isHandler(receive) && !isRecord(receive)) {
    throw noHandlers('receive', 'must be a function, or one for each type')
  }
  if (handle !== undefined && (!isRecord(handle) || isHandler(handle))) {
    throw noHandlers('handle', 'must have a function for each type')
  }
  return handlers
}

function equip(agent: Agent, receive: AgentHandlers['receive'], handle: AgentHandlers['handle']): void {
  if (isHandler(receive)) agent.receive(...optionsOf<Receiver>(receive))
  else {
    for (const [type, given] of Object.entries(receive ?? {})) agent.receive(type, ...optionsOf<Receiver>(given))
  }
  for (const [type, given] of Object.entries(handle ?? {})) agent.handle(type, ...optionsOf<RequestHandler>(given))
}

/** A function, or the pair of one and its options: not one for each type. */
function isHandler(value: unknown): value is WithOptions<Receiver> {
  return typeof value === 'function' || Array.isArray(value)
}

function optionsOf<Handler>(given: WithOptions<Handler>): [Handler, HandlerOptions?] {
  return Array.isArray(given) ? (given as [Handler, HandlerOptions]) : [given as Handler]
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function noHandlers(key: string, why: string): MeshError {
  return new MeshError('ERR_CONFIG', `an agent's handlers: ${key} ${why}`, { details: { key } })
}

function checkName(name: string): void {
  const valid =
    typeof name === 'string' &&
    name !== '' &&
    name.isWellFormed() &&
    Buffer.byteLength(name) <= MAX_NAME_BYTES &&
    !/\p{Cc}/u.test(name)
  if (!valid) {
    throw new MeshError(
      'ERR_CONFIG',
      `an agent's name is a text of 1 to ${MAX_NAME_BYTES} bytes without control characters`,
      {
        details: { key: 'name' }
      }
    )
  }
}
