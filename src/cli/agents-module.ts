import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MeshError } from '../../protocols/errors.ts'
import type { AgentHandlers } from '../agent/types.ts'
import type { Node } from '../node/node.ts'

/**
 * Registers the agents of a TypeScript or JavaScript module and returns their names. Each named export is an agent of
 * that name, in the form that `node.agent` takes; a default export is a function that is given the node.
 *
 *     export const planner = { handle: { 'plan.make': async (message, ctx) => makePlan(message.data) } }
 *     export const log = { receive: (message) => console.log(message.data) }
 *     export { planner as 'plan-b' }
 *     export default async (node) => { const agent = await node.agent('watcher'); … }
 *
 * Throws `ERR_CONFIG` naming the module, the export that is no agent, or what the default export threw that is no `MeshError`.
 */
export async function registerAgents(node: Node, path: string): Promise<string[]> {
  const { default: main, ...agents } = await load(path)
  if (main !== undefined && typeof main !== 'function') {
    throw refusal(path, 'its default export must be a function (node) => …')
  }
  const entries = Object.entries(agents)
  for (const [name, handlers] of entries) {
    if (!isHandlers(handlers)) throw refusal(path, `its export ${name} must be an object with receive, handle or both`)
  }
  try {
    await main?.(node)
  } catch (cause) {
    // What the node refused has its own code; anything else says nothing without the name of the module.
    throw cause instanceof MeshError ? cause : refusal(path, `its default export threw: ${textOf(cause)}`, cause)
  }
  for (const [name, handlers] of entries) await node.agent(name, handlers as AgentHandlers)
  return entries.map(([name]) => name)
}

async function load(path: string): Promise<Record<string, unknown> & { default?: (node: Node) => unknown }> {
  try {
    return await import(pathToFileURL(resolve(path)).href)
  } catch (cause) {
    throw refusal(path, textOf(cause), cause)
  }
}

/** A module may throw anything, also what is no Error. */
function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function isHandlers(value: unknown): value is AgentHandlers {
  if (typeof value !== 'object' || value === null) return false
  const keys = Object.keys(value)
  return keys.length > 0 && keys.every((key) => key === 'receive' || key === 'handle')
}

function refusal(path: string, what: string, cause?: unknown): MeshError {
  const details = { key: 'agents', path }
  return new MeshError('ERR_CONFIG', `the agents of ${path} cannot be loaded: ${what}`, { cause, details })
}
