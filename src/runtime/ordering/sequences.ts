import type { AttributeSet } from '../../../protocols/envelope/attributes.ts'
import type { Extra } from '../../../protocols/envelope/outgoing.ts'

/** The entry in the view of whoever has opened a group. */
export function groupEntry(group: string): string {
  return `group/${group}`
}

/** The name, in a group, of what is published under a key; without one to a topic. */
export function publicationSequence(topic: string, key: string | undefined): string {
  return key === undefined ? `topic\n${topic}` : `key\n${key}`
}

/** The topic, where the sequence is one topic's; undefined of one that may have publications to any. */
export function topicOf(sequence: string): string | undefined {
  return sequence.startsWith('topic\n') ? sequence.slice(6) : undefined
}

export function isPublication(sequence: string): boolean {
  return sequence.startsWith('topic\n') || sequence.startsWith('key\n')
}

/** As whoever publishes names it. */
export function keyOf(sequence: string): string {
  return sequence.slice(sequence.indexOf('\n') + 1)
}

/** Of what is sent to the same under a key. What goes to all members of a name has a sequence of its own, one for all. */
export function messageSequence({ routing }: AttributeSet, { key, series }: Extra): string {
  const { target = '', peer = '', instance = '' } = routing ?? {}
  return JSON.stringify(series === 'all' ? ['all', target, key] : [target, peer, instance, key])
}

/** What is held back together at a receiver: each member of a name has its own place in what goes to all. */
export function lineOf({ guarantee, routing }: AttributeSet, { key, series }: Extra): string {
  const { target = '', peer = '', instance = '' } = routing ?? {}
  return JSON.stringify([guarantee?.group ?? '', target, key ?? '', peer, instance, series])
}

export function partsOfLine(line: string): { group: string; agent: string; key: string } {
  const [group, agent, key] = JSON.parse(line) as [string, string, string]
  return { group, agent, key }
}
