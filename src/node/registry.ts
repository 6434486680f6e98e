import type { Message } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Inbox } from '../agent/inbox.ts'
import { affinity, hashText, memberHash } from '../core/routing/hash.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import type { ServedCall } from '../runtime/delivery/served-call.ts'
import type { LoadShedder } from './load-shedder.ts'

/** An instance that lives here. */
export interface LocalAgent {
  readonly name: string
  readonly instance: string
  readonly inbox: Inbox
}

interface Entry {
  readonly agent: LocalAgent
  readonly hash: number
}

/**
 * Instances compared for one message: the next in turn, one of whom is idle unless nearly all are busy. With all 200 of a
 * group compared a message took 34 µs. A guess, above the two that suffice (Mitzenmacher, 2001).
 */
const COMPARED = 8

/**
 * The agents of this node, by name. Of the next few instances of a name the one with the least to do gets a message;
 * a key's messages go to the instance that owns it. The sender chose this node by the same hashes, so that one owns the
 * key in the whole mesh, and it still does where the sender knows this node's instances in part only.
 */
export class AgentRegistry {
  readonly #groups = new Map<string, Entry[]>()
  readonly #self: string
  readonly #limit: number
  readonly #shedder: Pick<LoadShedder, 'level' | 'refuses'>
  readonly #lost: (inbound: Inbound, error: MeshError) => void
  #size = 0
  #turn = 0

  /** `lost` hears of a message for an agent that is gone, where nobody acknowledges it. */
  constructor(
    self: string,
    limit: number,
    shedder: Pick<LoadShedder, 'level' | 'refuses'> = NEVER_OVERLOADED,
    lost: (inbound: Inbound, error: MeshError) => void = () => {}
  ) {
    this.#shedder = shedder
    this.#lost = lost
    this.#self = self
    this.#limit = limit
  }

  get size(): number {
    return this.#size
  }

  has(name: string): boolean {
    return this.#groups.has(name)
  }

  *[Symbol.iterator](): Iterator<LocalAgent> {
    for (const group of this.#groups.values()) for (const { agent } of group) yield agent
  }

  add(agent: LocalAgent): void {
    if (this.#size >= this.#limit)
      throw new MeshError('ERR_LIMIT', `more than ${this.#limit} agents on one node (limits.agents)`)
    const group = this.#groups.get(agent.name)
    const entry = { agent, hash: memberHash(this.#self, agent.instance) }
    if (group === undefined) this.#groups.set(agent.name, [entry])
    else group.push(entry)
    this.#size++
  }

  remove(agent: LocalAgent): void {
    const group = this.#groups.get(agent.name)
    const at = group?.findIndex((entry) => entry.agent === agent) ?? -1
    if (group === undefined || at < 0) return
    group.splice(at, 1)
    if (group.length === 0) this.#groups.delete(agent.name)
    this.#size--
  }

  readonly deliver = (inbound: Inbound): void => {
    const agent = this.#pick(inbound.target, inbound.instance, inbound.message)
    if (agent === undefined) {
      const gone = nobody(inbound.target)
      if (inbound.timeout === undefined) this.#lost(inbound, gone)
      inbound.refuse(gone)
      return
    }
    const error = this.#shedder.level > 0 ? this.#refuses(inbound) : undefined
    if (error === undefined) agent.inbox.deliver(inbound)
    else inbound.refuse(error)
  }

  readonly serve = (call: ServedCall): void => {
    const agent = this.#pick(call.target, call.instance, call.message)
    if (agent === undefined) {
      call.fail(nobody(call.target))
      return
    }
    const error = this.#shedder.level > 0 ? this.#refuses(call) : undefined
    if (error === undefined) agent.inbox.serve(call)
    else call.fail(error)
  }

  #refuses({ target, peer, message }: Inbound | ServedCall): MeshError | undefined {
    return this.#shedder.refuses(target, peer, message.routing?.priority)
  }

  #pick(name: string, instance: string | undefined, message: Message): LocalAgent | undefined {
    const group = this.#groups.get(name)
    if (group === undefined) return undefined
    if (instance !== undefined) return group.find(({ agent }) => agent.instance === instance)?.agent
    if (group.length === 1) return group[0]?.agent
    const key = message.routing?.key
    return key === undefined ? this.#idlest(group) : ownerOf(key, group)
  }

  #idlest(group: readonly Entry[]): LocalAgent | undefined {
    let best: LocalAgent | undefined
    let least = Number.POSITIVE_INFINITY
    const turn = this.#turn++
    const compared = Math.min(group.length, COMPARED)
    for (let i = 0; i < compared && least > 0; i++) {
      const { agent } = group[(turn + i) % group.length]!
      const { pending } = agent.inbox
      if (pending >= least) continue
      best = agent
      least = pending
    }
    return best
  }
}

const NEVER_OVERLOADED = { level: 0, refuses: () => undefined }

/** The rule of `Group.owner`, among the instances of one node. */
function ownerOf(key: string, group: readonly Entry[]): LocalAgent | undefined {
  const hash = hashText(key)
  let best: LocalAgent | undefined
  let highest = -1
  for (const { agent, hash: member } of group) {
    const score = affinity(hash, member)
    if (score > highest || (score === highest && best !== undefined && agent.instance < best.instance)) {
      best = agent
      highest = score
    }
  }
  return best
}

export function nobody(name: string): MeshError {
  return new MeshError('ERR_NO_RESPONDERS', `no agent named ${name} is known`, { details: { agent: name } })
}
