import { MeshError } from '../../protocols/errors.ts'
import { MAX_NAME_BYTES } from '../../protocols/point-to-point/constants.ts'
import type { Agent } from '../agent/agent.ts'
import type { AgentHandlers, Grouped, HandlerOptions, Receiver, RequestHandler, WithOptions } from '../agent/types.ts'

/** What an agent is registered with, checked where it enters. */

const KEYS = new Set([
  'receive',
  'handle',
  'coordinated',
  'placed',
  'overflow',
  'highWatermark',
  'lowWatermark',
  'maxQueue',
  'redirect'
])

/** Throws `ERR_CONFIG` naming the key. */
export function checked(handlers: AgentHandlers): AgentHandlers {
  if (!isRecord(handlers)) throw noHandlers('handlers', 'must be an object')
  const { receive, handle } = handlers
  for (const key of Object.keys(handlers)) if (!KEYS.has(key)) throw noHandlers(key, 'is not supported')
  if (receive !== undefined && !isHandler(receive) && !isRecord(receive)) {
    throw noHandlers('receive', 'must be a function, or one for each type')
  }
  if (handle !== undefined && (!isRecord(handle) || isHandler(handle))) {
    throw noHandlers('handle', 'must have a function for each type')
  }
  for (const key of ['coordinated', 'placed'] as const) {
    if (!isGrouped(handlers[key])) throw noHandlers(key, 'must be true, false or { group }')
  }
  if (isAsked(handlers.placed)) checkPlaced(handlers, handlers.placed)
  return handlers
}

/** Gives the agent the handlers that it starts with. */
export function equip(agent: Agent, receive: AgentHandlers['receive'], handle: AgentHandlers['handle']): void {
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

/** What goes by a group: it may be named. */
function isGrouped(value: unknown): value is Grouped | undefined {
  if (value === undefined || typeof value === 'boolean') return true
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'group') return false
  return isRecord((value as { group: unknown }).group)
}

export function isAsked(value: Grouped | undefined): value is Exclude<Grouped, false> {
  return value !== undefined && value !== false
}

/** Undefined: the control plane. */
export function groupOf(value: Exclude<Grouped, false>): unknown {
  return value === true ? undefined : value.group
}

function checkPlaced({ coordinated }: AgentHandlers, placed: Exclude<Grouped, false>): void {
  const agreed = coordinated === undefined || (isAsked(coordinated) && nameOf(coordinated) === nameOf(placed))
  if (!agreed) throw noHandlers('coordinated', 'is implied by placed, with the same group')
}

function nameOf(value: Exclude<Grouped, false>): string | undefined {
  return value === true ? undefined : value.group.name
}

function noHandlers(key: string, why: string): MeshError {
  return new MeshError('ERR_CONFIG', `an agent's handlers: ${key} ${why}`, { details: { key } })
}

/** Throws `ERR_CONFIG`. */
export function checkName(name: string): void {
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
