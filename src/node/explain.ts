import type { Characteristics, Message, Ordering, Priority } from '../../protocols/envelope/message.ts'
import { characteristicsOf } from '../../protocols/envelope/taxonomy.ts'
import type { Lane } from '../../protocols/framing/constants.ts'
import { partsOf } from '../agent/options.ts'
import { type GroupFor, laneOf, orderingOf } from '../agent/templates.ts'
import type { Target } from '../agent/types.ts'
import type { CandidateExplanation } from '../core/routing/explain.ts'
import type { Router } from '../core/routing/router.ts'
import type { Clock, Host } from '../runtime/ports.ts'
import { BULK_BYTES } from './sending.ts'

/** One decision and the reason for it. */
export interface Choice<T> {
  chosen: T
  reason: string
}

/** How a message would travel now, and why. A dry run: nothing is sent. */
export interface Explanation {
  pattern: Choice<string>
  characteristics: Characteristics
  guarantee: Choice<string>
  ordering: Choice<string>
  /** The group through which the agent's hosts share its state and what was delivered, or 'none'. */
  coordination: Choice<string>
  format: Choice<string>
  compression: Choice<string>
  lane: Choice<Lane>
  transport: Choice<string>
  route: Choice<string>
  /** The member that would get it; undefined where nobody would. */
  member: { peer: string; instance: string } | undefined
  /** Everybody that could, nearest first, each with the reason for or against. */
  runnersUp: CandidateExplanation[]
}

export interface ExplainParts {
  router: Router
  host: Host
  clock: Clock
  /** The preferred first. */
  formats: readonly string[]
  debug: boolean
  groupFor: GroupFor
}

/** `size`: bytes of the data, where it was encoded already. */
export function explain(
  parts: ExplainParts,
  message: Partial<Message> & { data: unknown },
  target: Target,
  size: number
): Explanation {
  const { router, host, clock } = parts
  const { name, peer, instance } = partsOf(target)
  const type = message.type ?? 'phoenix.agent.message.send'
  const implied = characteristicsOf(type)
  const { guarantee, routing, qos } = message
  const characteristics: Characteristics = {
    priority: routing?.priority ?? implied.priority,
    consistency: qos?.consistency ?? implied.consistency,
    ordering: guarantee?.ordering ?? implied.ordering,
    delivery: guarantee?.mode ?? implied.delivery
  }
  const wish =
    routing?.key === undefined && peer === undefined && instance === undefined
      ? undefined
      : { key: routing?.key, peer, instance }
  const { chosen, coordinated, candidates } = router.explain(name, clock.monotonic(), wish)
  const local = chosen?.peer === host.peer
  const transport = chosen === undefined ? 'none' : local ? 'local' : (host.transportTo(chosen.peer) ?? 'tcp')
  return {
    pattern: {
      chosen: routing?.pattern ?? 'point-to-point',
      reason: routing?.pattern === undefined ? 'a message to one agent' : 'the message says so'
    },
    characteristics,
    guarantee: guaranteeOf(characteristics, guarantee?.mode !== undefined, type),
    ordering: orderingChoice(parts, message, name, type),
    coordination: coordinationOf(name, characteristics, chosen !== undefined, coordinated),
    format: formatOf(message.data, parts, local),
    compression: { chosen: 'none', reason: 'this build does not compress' },
    lane: laneFor(characteristics, size),
    transport: {
      chosen: transport,
      reason: transportReason(transport, chosen !== undefined && !local && !host.isConnected(chosen.peer))
    },
    route: routeOf(transport, chosen, candidates),
    member: chosen,
    runnersUp: candidates.filter(
      (candidate) => candidate.peer !== chosen?.peer || candidate.instance !== chosen.instance
    )
  }
}

function guaranteeOf({ delivery }: Characteristics, asked: boolean, type: string): Choice<string> {
  return { chosen: delivery, reason: asked ? 'the message asks for it' : `implied by the type ${type}` }
}

function orderingChoice(
  { groupFor }: ExplainParts,
  { guarantee, routing }: Partial<Message>,
  name: string,
  type: string
): Choice<string> {
  const implied = characteristicsOf(type)
  const { ordering: asked, group: named, mode: delivery = implied.delivery } = guarantee ?? {}
  const { priority, topic, key } = routing ?? {}
  const why = asked === undefined ? `implied by the type ${type}` : 'the message asks for it'
  const group = groupFor(named === undefined ? undefined : { name: named })
  if (asked === 'total' && group === undefined) {
    return { chosen: 'none', reason: 'total order needs a group, and there is none: to send it is ERR_NO_CONSENSUS' }
  }
  const weaker = topic === undefined ? delivery : undefined
  const { ordering } = orderingOf({ ordering: asked, priority, delivery: weaker }, implied, () => group)
  if (ordering === 'causal') return { chosen: ordering, reason: `${why}: it is handed out after all that it follows` }
  if (ordering === 'total') {
    const under = key ? ` under the key ${key}` : ''
    const what = topic === undefined ? `sent to ${name}${under}` : key ? `published${under}` : `published to ${topic}`
    return { chosen: ordering, reason: `${why}: the group ${group} numbers all that is ${what}` }
  }
  return { chosen: 'none', reason: whyNone(implied.ordering, asked, priority, implied.priority, type) }
}

function whyNone(
  implied: Ordering,
  asked: Ordering | undefined,
  priority: Priority | undefined,
  usual: Priority,
  type: string
): string {
  if (asked === undefined && implied !== 'none') {
    if (priority !== undefined && priority !== usual)
      return `priority ${priority} asks to overtake, or be overtaken: the order implied by ${type} goes`
    return `the total order implied by ${type} needs a group, and acknowledgements; one lane of one link keeps the order of sending`
  }
  return 'nothing more was asked for; one lane of one link keeps the order of sending'
}

function coordinationOf(
  name: string,
  { delivery }: Characteristics,
  known: boolean,
  group: string | undefined
): Choice<string> {
  if (!known) return { chosen: 'none', reason: 'there is nobody to reach' }
  if (group === undefined) {
    const bound = delivery === 'exactly-once' ? ': once it was transmitted it goes nowhere else' : ''
    return { chosen: 'none', reason: `${name} shares what was delivered with no other host${bound}` }
  }
  const shared = `the hosts of ${name} share its state and what was delivered through the group ${group}`
  const then =
    delivery === 'exactly-once' ? 'it goes on at another of them where its host is gone' : 'a copy changes nothing'
  return { chosen: group, reason: `${shared}: ${then}, and its effect happens once` }
}

function formatOf(data: unknown, { formats, debug }: ExplainParts, local: boolean): Choice<string> {
  if (local) return { chosen: 'none', reason: 'the receiver is on this node and gets a copy' }
  if (data instanceof Uint8Array) return { chosen: 'bytes', reason: 'bytes travel as they are' }
  if (debug && formats[0] === 'json') return { chosen: 'json', reason: 'debug mode: a capture can be read' }
  return { chosen: formats[0]!, reason: 'the preferred format of this node, unless the peer does not speak it' }
}

function laneFor({ priority }: Characteristics, size: number): Choice<Lane> {
  const lane = laneOf(priority)
  if (lane === 'normal' && size > BULK_BYTES) {
    return { chosen: 'bulk', reason: `${size} bytes would hold up what is small (more than ${BULK_BYTES})` }
  }
  return { chosen: lane, reason: `priority ${priority}` }
}

function transportReason(transport: string, dialled: boolean): string {
  if (transport === 'none') return 'there is nobody to reach'
  if (transport === 'local') return 'the receiver is on this node'
  if (transport === 'relay') return 'the peer cannot be dialled directly: a common peer relays, end-to-end encrypted'
  return dialled ? 'not connected: the peer will be dialled' : 'the connection that is open'
}

function routeOf(
  transport: string,
  chosen: { peer: string } | undefined,
  candidates: CandidateExplanation[]
): Choice<string> {
  if (chosen === undefined)
    return {
      chosen: 'none',
      reason: candidates.length === 0 ? 'nobody of that name is known' : 'every circuit is open'
    }
  const reason = candidates.find((candidate) => candidate.peer === chosen.peer)?.reason ?? 'the only member'
  return { chosen: transport === 'local' ? 'local' : transport === 'relay' ? 'relayed' : 'direct', reason }
}
