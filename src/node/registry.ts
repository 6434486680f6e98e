import { MeshError } from '../../protocols/errors.ts'
import type { Inbox } from '../agent/inbox.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import type { ServedCall } from '../runtime/delivery/served-call.ts'

/** An instance that lives here. */
export interface LocalAgent {
  readonly name: string
  readonly instance: string
  readonly inbox: Inbox
}

/** The agents of this node, by name. Of several instances of a name the one with the least to do gets the next message. */
export class AgentRegistry {
  readonly #groups = new Map<string, LocalAgent[]>()
  readonly #limit: number
  #size = 0
  #turn = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#size
  }

  *[Symbol.iterator](): Iterator<LocalAgent> {
    for (const group of this.#groups.values()) yield* group
  }

  add(agent: LocalAgent): void {
    if (this.#size >= this.#limit)
      throw new MeshError('ERR_LIMIT', `more than ${this.#limit} agents on one node (limits.agents)`)
    const group = this.#groups.get(agent.name)
    if (group === undefined) this.#groups.set(agent.name, [agent])
    else group.push(agent)
    this.#size++
  }

  remove(agent: LocalAgent): void {
    const group = this.#groups.get(agent.name)
    const at = group?.indexOf(agent) ?? -1
    if (group === undefined || at < 0) return
    group.splice(at, 1)
    if (group.length === 0) this.#groups.delete(agent.name)
    this.#size--
  }

  readonly deliver = (inbound: Inbound): void => {
    const agent = this.#pick(inbound.target, inbound.instance)
    if (agent === undefined) inbound.refuse(nobody(inbound.target))
    else agent.inbox.deliver(inbound)
  }

  readonly serve = (call: ServedCall): void => {
    const agent = this.#pick(call.target, call.instance)
    if (agent === undefined) call.fail(nobody(call.target))
    else agent.inbox.serve(call)
  }

  #pick(name: string, instance: string | undefined): LocalAgent | undefined {
    const group = this.#groups.get(name)
    if (group === undefined) return undefined
    if (instance !== undefined) return group.find((agent) => agent.instance === instance)
    if (group.length === 1) return group[0]
    let best: LocalAgent | undefined
    this.#turn++
    for (let i = 0; i < group.length; i++) {
      const agent = group[(this.#turn + i) % group.length]!
      if (best === undefined || agent.inbox.pending < best.inbox.pending) best = agent
    }
    return best
  }
}

export function nobody(name: string): MeshError {
  return new MeshError('ERR_NO_RESPONDERS', `no agent named ${name} is known`, { details: { agent: name } })
}
