import { MeshError } from '../errors.ts'
import type { Characteristics } from './message.ts'

/**
 * The message types of the specification (phoenix.{domain}.{entity}.{action}) and what each asks of the mesh. A type
 * decides what the sender leaves out.
 */

const CONTROL_PLANE = [
  'phoenix.cluster.node.join',
  'phoenix.cluster.node.leave',
  'phoenix.cluster.topology.update',
  'phoenix.agent.placement.request',
  'phoenix.agent.placement.response',
  'phoenix.agent.migration.start',
  'phoenix.agent.migration.complete'
] as const

const DATA_PLANE = [
  'phoenix.agent.message.send',
  'phoenix.agent.state.update',
  'phoenix.agent.action.execute',
  'phoenix.agent.action.result',
  'phoenix.agent.event.publish',
  'phoenix.agent.heartbeat.ping'
] as const

const OBSERVABILITY = [
  'phoenix.telemetry.metric.update',
  'phoenix.telemetry.trace.span',
  'phoenix.telemetry.log.entry',
  'phoenix.health.status.report',
  'phoenix.performance.measurement'
] as const

/** What each characteristic may be. */
export const CHARACTERISTICS = {
  priority: ['low', 'normal', 'high', 'critical'],
  consistency: ['eventual', 'causal', 'strong'],
  ordering: ['none', 'causal', 'total'],
  delivery: ['at-most-once', 'at-least-once', 'exactly-once']
} as const satisfies { [K in keyof Characteristics]: readonly Characteristics[K][] }

const NAMES = ['priority', 'consistency', 'ordering', 'delivery'] as const

const registered = new Map<string, Readonly<Characteristics>>()
define(CONTROL_PLANE, { priority: 'high', consistency: 'strong', ordering: 'total', delivery: 'exactly-once' })
define(DATA_PLANE, { priority: 'normal', consistency: 'causal', ordering: 'causal', delivery: 'at-least-once' })
define(OBSERVABILITY, { priority: 'low', consistency: 'eventual', ordering: 'none', delivery: 'at-most-once' })

/** Source: api.md, "Characteristics". */
const UNREGISTERED: Readonly<Characteristics> = Object.freeze({
  priority: 'normal',
  consistency: 'eventual',
  ordering: 'none',
  delivery: 'at-least-once'
})

function define(types: readonly string[], characteristics: Characteristics): void {
  for (const type of types) registered.set(type, Object.freeze(characteristics))
}

/**
 * What a message of `type` asks of the mesh where its sender does not say.
 *
 * @example
 * characteristicsOf('phoenix.cluster.node.join').delivery   // 'exactly-once'
 */
export function characteristicsOf(type: string): Readonly<Characteristics> {
  return registered.get(type) ?? UNREGISTERED
}

/**
 * Gives a type its characteristics, for this process and for good: messages of it may be under way already, so a
 * second registration must say the same.
 *
 * Throws `ERR_CONFIG` for an empty type or a characteristic that is none, `ERR_ALREADY_REGISTERED` where the type has
 * other characteristics.
 */
function register(type: string, characteristics: Characteristics): void {
  check(type, characteristics)
  const before = registered.get(type)
  if (before === undefined) {
    const { priority, consistency, ordering, delivery } = characteristics
    registered.set(type, Object.freeze({ priority, consistency, ordering, delivery }))
  } else if (NAMES.some((name) => before[name] !== characteristics[name])) {
    throw new MeshError('ERR_ALREADY_REGISTERED', `${type} has other characteristics already`, {
      details: { type, characteristics: before }
    })
  }
}

function check(type: string, characteristics: Characteristics): void {
  if (typeof type !== 'string' || type === '') throw new MeshError('ERR_CONFIG', 'a message type is a text, not empty')
  if (typeof characteristics !== 'object' || characteristics === null) {
    throw new MeshError('ERR_CONFIG', `the characteristics of ${type} are an object`, { details: { type } })
  }
  for (const name of NAMES) {
    const allowed: readonly string[] = CHARACTERISTICS[name]
    if (!allowed.includes(characteristics[name])) {
      const message = `the ${name} of ${type} is one of ${allowed.join(', ')}, not ${String(characteristics[name])}`
      throw new MeshError('ERR_CONFIG', message, { details: { type, key: name } })
    }
  }
  for (const name of Object.keys(characteristics)) {
    if (!(NAMES as readonly string[]).includes(name)) {
      throw new MeshError('ERR_CONFIG', `${name} is no characteristic`, { details: { type, key: name } })
    }
  }
}

export interface MessageTypes {
  readonly controlPlane: readonly string[]
  readonly dataPlane: readonly string[]
  readonly observability: readonly string[]
  register(type: string, characteristics: Characteristics): void
}

/** The specification's taxonomy, and where types of your own are added. */
export const messageTypes: MessageTypes = Object.freeze({
  controlPlane: Object.freeze(CONTROL_PLANE),
  dataPlane: Object.freeze(DATA_PLANE),
  observability: Object.freeze(OBSERVABILITY),
  register
})
