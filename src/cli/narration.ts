import type { NodeEvent } from '../node/events.ts'
import type { Node } from '../node/node.ts'
import type { Output } from './output.ts'

/** Tells the person at the terminal who comes and goes, and why nobody does. Ends with the node. */
export async function narrate(node: Node, output: Output): Promise<void> {
  const events = node.events()
  for (const { name, peerId } of node.peers()) output.note(joined(name, peerId))
  let last: string | undefined
  for await (const event of events) {
    const line = lineOf(event)
    // A bootstrap peer that stays away is tried again and again: once is enough to read of it.
    if (line !== undefined && line !== last) output.note((last = line))
  }
}

function lineOf(event: NodeEvent): string | undefined {
  switch (event.kind) {
    case 'peer-joined':
      return joined(event.name, event.peer)
    case 'peer-left':
      return `${printable(event.name)} is gone (${event.reason})`
    case 'bootstrap-failed':
      return `${event.code}: ${event.message}; trying again`
    case 'consensus-failed':
      return `${event.code}: ${event.message}; this node takes no part in ${printable(event.group)} until it is started again`
  }
  return undefined
}

function joined(name: string, peer: string): string {
  return `joined by ${printable(name)}, PeerId ${peer}`
}

/** A peer's name is the peer's choice, and must not command a terminal. */
function printable(name: string): string {
  return name.replace(/\p{Cc}/gu, '·')
}
