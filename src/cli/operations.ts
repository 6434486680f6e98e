import * as v from 'valibot'
import { toJson } from '../../protocols/envelope/json.ts'
import type { Message } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Agent } from '../agent/agent.ts'
import type { RequestOptions, SendOptions, Target } from '../agent/types.ts'
import type { Letter } from '../node/dead-letters.ts'
import type { Node } from '../node/node.ts'
import type { Operations } from '../runtime/control/types.ts'
import type { SubscribeOptions, Subscription } from '../runtime/pubsub/types.ts'
import { consensusOperations } from './consensus-operations.ts'
import { check } from './parameters.ts'

/** The agent in whose name a command sends, on the node that serves it. */
const COMMAND_AGENT = 'phoenix.command'

const text = v.optional(v.string())
const ms = v.optional(v.pipe(v.number(), v.minValue(0)))
const durable = v.optional(v.boolean())
const target = { agent: v.string(), peer: text, instance: text }
const shape = {
  agents: v.object({ name: text }),
  letters: v.object({ agent: text }),
  letter: v.object({ id: v.string() }),
  explain: v.object({ ...target, data: v.unknown(), type: text, key: text }),
  send: v.object({ ...target, data: v.unknown(), options: v.optional(v.record(v.string(), v.unknown()), {}) }),
  publish: v.object({
    topic: v.string(),
    data: v.unknown(),
    type: text,
    waitFor: v.optional(v.number()),
    timeout: ms,
    durable
  }),
  subscribe: v.object({
    pattern: v.string(),
    count: v.optional(v.number()),
    options: v.optional(v.record(v.string(), v.unknown()), {})
  })
}

/**
 * What the command may ask of a node, over its control socket or in its own process. Each answer is JSON: what JSON has
 * no form for is in the tagged forms of `protocols/envelope/`.
 */
export function operationsOf(node: Node): Operations {
  let agent: Promise<Agent> | undefined
  /** Made for the first command that needs it; a failure is not remembered. */
  const sender = (signal: AbortSignal) =>
    (agent ??= node.agent(COMMAND_AGENT, {}, { signal }).catch((error: unknown) => {
      agent = undefined
      throw error
    }))
  return {
    ...consensusOperations(node),
    info: () => infoOf(node),
    counters: () => node.counters(),
    peers: () =>
      node.peers().map((peer) => ({ ...peer, agents: peer.agents.filter((name) => name !== COMMAND_AGENT) })),
    agents: (params) => node.agents(check(shape.agents, params).name).filter(({ name }) => name !== COMMAND_AGENT),
    explain: (params) => {
      const { data, type, key, ...to } = check(shape.explain, params)
      return node.explain({ data, ...(type && { type }), ...(key && { routing: { key } }) }, targetOf(to))
    },
    request: async (params, signal) => {
      const { data, options, ...to } = check(shape.send, params)
      return plain(await (await sender(signal)).request(targetOf(to), data, { ...(options as RequestOptions), signal }))
    },
    stream: async function* (params, signal) {
      const { data, options, ...to } = check(shape.send, params)
      const replies = (await sender(signal)).stream(targetOf(to), data, { ...(options as RequestOptions), signal })
      for await (const reply of replies) yield plain(reply)
    },
    send: async (params, signal) => {
      const { data, options, ...to } = check(shape.send, params)
      return (await sender(signal)).send(targetOf(to), data, { ...(options as SendOptions), signal })
    },
    deadLetters: async function* (params) {
      for await (const letter of node.deadLetters.list(check(shape.letters, params))) yield printed(letter)
    },
    deadLetter: async (params) => {
      const { id } = check(shape.letter, params)
      for await (const letter of node.deadLetters.list()) if (letter.id === id) return printed(letter)
      throw new MeshError('ERR_NO_SUCH_LETTER', `there is no dead letter ${id}`, { details: { id } })
    },
    replayDeadLetter: (params) => node.deadLetters.replay(check(shape.letter, params).id),
    dropDeadLetter: (params) => node.deadLetters.drop(check(shape.letter, params).id),
    publish: async (params, signal) => {
      const { topic, data, type, waitFor, timeout, durable } = check(shape.publish, params)
      const options = { type, timeout, signal, durable, ...(waitFor && { waitFor: { subscribers: waitFor } }) }
      return (await sender(signal)).publish(topic, data, options)
    },
    subscribe: async function* (params, signal) {
      const { pattern, options, count } = check(shape.subscribe, params)
      await using subscription = (await sender(signal)).subscribe(pattern, options as SubscribeOptions)
      signal.addEventListener('abort', () => void subscription.close(), { once: true })
      await subscription.ready
      yield { kind: 'ready' }
      yield* taken(subscription, count ?? Number.POSITIVE_INFINITY)
    }
  }
}

/** Messages as they are handed to the command: then they count as taken, the last one too. */
async function* taken(subscription: Subscription, count: number): AsyncGenerator<{ kind: string; message: unknown }> {
  const messages = subscription[Symbol.asyncIterator]()
  for (let left = count; left > 0; left--) {
    const { done, value } = await messages.next()
    if (done) return
    if (left === 1) {
      // Asking for one more acknowledges it; what that brings is given back.
      void messages.next()
      await subscription.close()
    }
    yield { kind: 'message', message: plain(value) }
  }
}

function infoOf(node: Node) {
  const { name, state, config } = node
  const { region, zone, dataDir } = config
  const multiaddrs = node.multiaddrs.map(String)
  return { peerId: node.peerId.toString(), name, region, zone, state, dataDir, multiaddrs, pid: process.pid }
}

function targetOf({
  agent,
  peer,
  instance
}: {
  agent: string
  peer?: string | undefined
  instance?: string | undefined
}): Target {
  return peer === undefined && instance === undefined ? agent : { name: agent, peer, instance }
}

const ATTRIBUTES = [
  ...(['specversion', 'id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'dataschema'] as const),
  ...(['trace', 'causality', 'guarantee', 'routing', 'security', 'qos'] as const)
]

function printed({ message: _, data, ...letter }: Letter): Record<string, unknown> {
  return { ...letter, data: toJson(data, '$.data').value }
}

/** A message's attributes are read lazily on a link: here they become members, and the data JSON. */
function plain(message: Message): Record<string, unknown> {
  const members: Record<string, unknown> = {}
  for (const attribute of ATTRIBUTES) {
    if (message[attribute] !== undefined) members[attribute] = message[attribute]
  }
  return { ...members, data: toJson(message.data, '$.data').value }
}
