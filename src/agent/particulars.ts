import type { SendParticulars } from '../node/sending.ts'
import type { AgentNode } from './agent-port.ts'
import { checkMessage } from './options.ts'
import type { Template } from './templates.ts'
import type { SendOptions } from './types.ts'

type Sender = Pick<AgentNode, 'parent' | 'wallClock'>

/** What is said of one message alone; undefined for the plain one that most are. */
export function particularsOf(node: Sender, template: Template, options: SendOptions): SendParticulars | undefined {
  const parent = node.parent()
  const { id, key, ttl, timeout, signal } = options
  const pinned = template.peer !== undefined || template.instance !== undefined
  if (
    parent === undefined &&
    id === undefined &&
    key === undefined &&
    ttl === undefined &&
    timeout === undefined &&
    signal === undefined &&
    !pinned
  ) {
    return undefined
  }
  checkMessage(options)
  const deadline = ttl === undefined ? undefined : node.wallClock() + ttl
  const extra = key === undefined && deadline === undefined ? undefined : { key, deadline }
  const wish = key === undefined && !pinned ? undefined : { key, peer: template.peer, instance: template.instance }
  return { id, parent, extra, key, wish, ttl, timeout, signal }
}

/** In total order: what has no key of its own is in one sequence, which goes to one member. `place`: of what goes to all. */
export function orderedParticulars(
  node: Sender,
  template: Template,
  options: SendOptions,
  place: number | undefined
): SendParticulars | undefined {
  const particulars = particularsOf(node, template, options.key === undefined ? { ...options, key: '' } : options)!
  if (place === undefined) return particulars
  return { ...particulars, extra: { ...particulars.extra, sequence: place, series: 'all' } }
}
