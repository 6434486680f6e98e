import type { AgentNode } from '../agent/agent-port.ts'
import { currentTrace } from '../agent/current.ts'
import { sourceOf } from '../agent/source.ts'
import type { Clock } from '../runtime/ports.ts'
import type { PubSub } from '../runtime/pubsub/types.ts'
import type { Caller } from './caller.ts'
import type { Delivery } from './delivery.ts'
import type { Publications } from './publishing.ts'
import type { Resolver } from './resolver.ts'
import { bounded } from './waiting.ts'

interface AgentNodeParts {
  peer: string
  clock: Clock
  resolver: Resolver
  delivery: Delivery
  caller: Caller
  pubsub: PubSub
  publications: Publications
  /** ms. */
  requestTimeout: number
}

/** What the agents of a node may ask of it, but for being registered. */
export function agentNode(parts: AgentNodeParts): Omit<AgentNode, 'closeAgent'> {
  const { peer, clock, resolver, delivery, caller, pubsub, publications, requestTimeout } = parts
  return {
    post: (template, data, particulars) => delivery.post(template, data, particulars),
    ship: (template, data, particulars) => delivery.ship(template, data, particulars),
    place: (template, id, key, timeout) => delivery.place(template, id, key, timeout),
    members: (name) => resolver.members(name),
    resolve: (name, options) => resolver.resolve(name, undefined, undefined, options),
    bounded: (promise, options) => bounded(promise, clock, options),
    request: (template, data, options) => caller.request(template, data, options),
    stream: (template, data, options) => caller.stream(template, data, options),
    publish: (agent, topic, data, options) => {
      const message = publications.message(sourceOf(peer, agent), topic, data, options, currentTrace(), clock.now())
      return pubsub.publish(message, options)
    },
    subscribe: (agent, pattern, options, closed) => pubsub.subscribe(pattern, options, agent, closed),
    parent: currentTrace,
    wallClock: () => clock.now(),
    requestTimeout
  }
}
