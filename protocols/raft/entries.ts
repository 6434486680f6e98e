import { malformed, type Reader, type Writer } from './bytes.ts'
import { MAX_COMMAND_BYTES, MAX_MEMBERS, MAX_NUMBER, MAX_PEER_BYTES } from './constants.ts'
import type { Configuration, Entry, EntryContent } from './messages.ts'

/** Entries and configurations as bytes, the same on the wire and on a replica's disk. */

const Content = { command: 0, empty: 1, configuration: 2 } as const

/** Bytes of a configuration, from above. */
export function boundOfConfiguration({ voters, outgoing, learners }: Configuration): number {
  let bound = 6
  for (const ids of [voters, outgoing, learners]) for (const id of ids) bound += 2 + 3 * id.length
  return bound
}

/** Bytes of entries, from above. */
export function boundOfEntries(entries: readonly Entry[]): number {
  let bound = 8
  for (const entry of entries) {
    bound += 16
    if (entry.kind === 'command') bound += entry.data.byteLength
    else if (entry.kind === 'configuration') bound += boundOfConfiguration(entry.configuration)
  }
  return bound
}

export function writeConfiguration(writer: Writer, { voters, outgoing, learners }: Configuration): void {
  for (const ids of [voters, outgoing, learners]) {
    writer.number(ids.length)
    for (const id of ids) writer.text(id)
  }
}

/** `least`: voters that there must be. Nobody stands twice in one list, nor is a learner who votes for good. */
export function readConfiguration(reader: Reader, least = 1): Configuration {
  const voters = readIds(reader, least)
  const outgoing = readIds(reader, 0)
  const learners = readIds(reader, 0)
  if (learners.some((id) => voters.includes(id))) throw malformed('learners that do not vote')
  return { voters, outgoing, learners }
}

function readIds(reader: Reader, least: number): string[] {
  const count = reader.number(least, MAX_MEMBERS)
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push(reader.text(MAX_PEER_BYTES))
  if (new Set(ids).size !== count) throw malformed('members that differ')
  return ids
}

/** Each entry's term is written as a difference to the one before, its index not at all: they follow each other. */
export function writeEntries(writer: Writer, entries: readonly Entry[], prevTerm: number): void {
  writer.number(entries.length)
  let before = prevTerm
  for (const entry of entries) {
    writer.number(entry.term - before).number(Content[entry.kind])
    before = entry.term
    if (entry.kind === 'command') writer.bytes(entry.data)
    else if (entry.kind === 'configuration') writeConfiguration(writer, entry.configuration)
  }
}

/** Data of commands are views. Terms never fall, nor pass `term`. */
export function readEntries(reader: Reader, prevIndex: number, prevTerm: number, term = MAX_NUMBER): Entry[] {
  // Each takes two bytes at least.
  const count = reader.number(0, Math.floor(reader.left / 2))
  const entries: Entry[] = []
  let before = prevTerm
  for (let i = 1; i <= count; i++) {
    before += reader.number()
    if (before < 1 || before > term) throw malformed('terms that do not fall')
    entries.push({ ...readContent(reader), index: prevIndex + i, term: before })
  }
  return entries
}

function readContent(reader: Reader): EntryContent {
  switch (reader.number(0, Content.configuration)) {
    case Content.command:
      return { kind: 'command', data: reader.bytes(MAX_COMMAND_BYTES) }
    case Content.empty:
      return { kind: 'empty' }
    default:
      return { kind: 'configuration', configuration: readConfiguration(reader) }
  }
}
