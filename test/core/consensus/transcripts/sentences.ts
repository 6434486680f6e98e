import type { Configuration, Entry, Message } from '../../../../src/core/consensus/types.ts'

/** What a message says, for a reader who learns. */
export function messageText(message: Message): string {
  const { from, to, term } = message
  return `${from} → ${to}  ${contentText(message, term)}`
}

function contentText(message: Message, term: number): string {
  switch (message.kind) {
    case 'vote': {
      const { pre, force, lastIndex, lastTerm } = message
      const question = pre ? `would you vote for me in term ${term}` : `vote for me in term ${term}`
      return `${question}${force ? ', the leader asks for it' : ''}? my log ends with ${at(lastIndex, lastTerm)}`
    }
    case 'vote-reply':
      if (message.pre) return message.granted ? `I would, in term ${term}` : `I would not; I am in term ${term}`
      return message.granted ? `my vote of term ${term}` : `no vote in term ${term}`
    case 'append': {
      const { prevIndex, prevTerm, entries, commit } = message
      const what = entries.length === 0 ? 'nothing' : entries.map(entryText).join(', ')
      return `term ${term}: after ${at(prevIndex, prevTerm)} comes ${what}; committed up to ${commit}`
    }
    case 'append-reply': {
      const { index, rejected } = message
      if (rejected === undefined) return `term ${term}: I have all up to ${index}`
      if (index === 0) return `you are not the leader: this is term ${term}`
      return `term ${term}: I do not have that ${index}; we may agree at ${at(rejected.index, rejected.term)}`
    }
    case 'heartbeat':
      return `term ${term}: I lead, round ${message.round}; committed up to ${message.commit}`
    case 'heartbeat-reply':
      return `term ${term}: I follow, round ${message.round}`
    case 'timeout-now':
      return `term ${term}: stand for election at once`
    case 'snapshot': {
      const { meta, offset, total, data } = message
      return `term ${term}: snapshot of all up to ${at(meta.index, meta.term)}, bytes ${offset} to ${offset + data.byteLength} of ${total}`
    }
    case 'snapshot-reply':
      return `term ${term}: of the snapshot at ${message.index} I have ${message.received} bytes`
  }
}

/** An index and the term of what stands there. */
function at(index: number, term: number): string {
  return index === 0 ? 'the beginning' : `${index} of term ${term}`
}

export function entryText(entry: Entry): string {
  const what =
    entry.kind === 'command'
      ? new TextDecoder().decode(entry.data)
      : entry.kind === 'empty'
        ? '(empty)'
        : `(${configurationText(entry.configuration)})`
  return `${entry.index}.${entry.term} ${what}`
}

export function configurationText({ voters, outgoing, learners }: Configuration): string {
  if (voters.length === 0) return 'knows of no group'
  const sets = [`voters ${voters.join(' ')}`]
  if (outgoing.length > 0) sets.push(`and still ${outgoing.join(' ')}`)
  if (learners.length > 0) sets.push(`learners ${learners.join(' ')}`)
  return sets.join(', ')
}
