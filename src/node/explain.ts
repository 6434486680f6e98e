import type { Characteristics, Message, Ordering, Priority } from '../../protocols/envelope/message.ts'
import { characteristicsOf } from '../../protocols/envelope/taxonomy.ts'
import type { Lane } from '../../protocols/framing/constants.ts'
import { partsOf } from '../agent/options.ts'
import { laneOf, orderingOf } from '../agent/templates.ts'
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
  const { chosen, candidates } = router.explain(name, clock.monotonic(), wish)
  const local = chosen?.peer === host.peer
  const transport = chosen === undefined ? 'none' : local ? 'local' : (host.transportTo(chosen.peer) ?? 'tcp')
  return {
    pattern: {
      chosen: routing?.pattern ?? 'point-to-point',
      reason: routing?.pattern === undefined ? 'a message to one agent' : 'the message says so'
    },
    characteristics,
    guarantee: guaranteeOf(characteristics, guarantee?.mode !== undefined, type),
    ordering: orderingChoice(guarantee?.ordering, routing?.priority, type),
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

function orderingChoice(asked: Ordering | undefined, priority: Priority | undefined, type: string): Choice<string> {
  const implied = characteristicsOf(type)
  if ((asked ?? implied.ordering) === 'total')
    return { chosen: 'none', reason: 'total order is not built; one lane of one link keeps the order of sending' }
  if (orderingOf({ ordering: asked, priority }, implied) === 'causal') {
    const reason = asked === undefined ? `implied by the type ${type}` : 'the message asks for it'
    return { chosen: 'causal', reason: `${reason}: it is handed out after all that it follows` }
  }
  if (asked === undefined && implied.ordering === 'causal')
    return {
      chosen: 'none',
      reason: `priority ${priority} asks to overtake, or be overtaken: the order implied by ${type} goes`
    }
  return { chosen: 'none', reason: 'nothing more was asked for; one lane of one link keeps the order of sending' }
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
