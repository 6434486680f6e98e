import { MeshError } from '../../../protocols/errors.ts'
import { Reader, Writer } from '../../../protocols/raft/bytes.ts'
import { MAX_MEMBERS, MAX_PEER_BYTES, MAX_SNAPSHOT_BYTES } from '../../../protocols/raft/constants.ts'
import {
  boundOfConfiguration,
  boundOfEntries,
  readConfiguration,
  readEntries,
  writeConfiguration,
  writeEntries
} from '../../../protocols/raft/entries.ts'
import type { Entry, HardState, SnapshotMeta } from '../../core/consensus/types.ts'

/** A replica's records in the store, as bytes. Each begins with its version. */
const VERSION = 1

/** What one `Write` of the machine left. */
export interface LogRecord {
  readonly hardState: HardState | undefined
  readonly entries: readonly Entry[]
}

/** What the records of the log follow. */
export interface Base {
  /** The number of the first record that counts. */
  readonly first: number
  /** As of the records before. */
  readonly hardState: HardState
  /** At index 0 it has no data, and is the group's first configuration. */
  readonly snapshot: SnapshotMeta
  readonly snapshotBytes: number
  readonly snapshotParts: number
  /** The voters that the group was first opened with here. */
  readonly voters: readonly string[]
}

export function encodeLogRecord({ hardState, entries }: LogRecord): Uint8Array {
  const first = entries[0]
  const writer = new Writer(32 + boundOfHardState(hardState) + boundOfEntries(entries)).number(VERSION)
  writeHardState(writer, hardState)
  writer.number(first === undefined ? 0 : first.index - 1)
  writeEntries(writer, entries, 0)
  return writer.finish()
}

/** Throws `ERR_CORRUPT`. Data of commands are views. */
export function decodeLogRecord(bytes: Uint8Array): LogRecord {
  return decode(bytes, (reader) => {
    const hardState = readHardState(reader)
    return { hardState, entries: readEntries(reader, reader.number(), 0) }
  })
}

export function encodeBase({ first, hardState, snapshot, snapshotBytes, snapshotParts, voters }: Base): Uint8Array {
  let bound = 64 + boundOfHardState(hardState) + boundOfConfiguration(snapshot.configuration)
  for (const id of voters) bound += 2 + 3 * id.length
  const writer = new Writer(bound).number(VERSION).number(first)
  writeHardState(writer, hardState)
  writer.number(snapshot.index).number(snapshot.term)
  writeConfiguration(writer, snapshot.configuration)
  writer.number(snapshotBytes).number(snapshotParts).number(voters.length)
  for (const id of voters) writer.text(id)
  return writer.finish()
}

/** Throws `ERR_CORRUPT`. */
export function decodeBase(bytes: Uint8Array): Base {
  return decode(bytes, (reader) => {
    const first = reader.number(1)
    const hardState = readHardState(reader) ?? { term: 0, vote: undefined, commit: 0 }
    const index = reader.number()
    const term = reader.number()
    const snapshot = { index, term, configuration: readConfiguration(reader, 0) }
    const snapshotBytes = reader.number(0, MAX_SNAPSHOT_BYTES)
    const snapshotParts = reader.number(0, MAX_SNAPSHOT_BYTES)
    const count = reader.number(0, MAX_MEMBERS)
    const voters = Array.from({ length: count }, () => reader.text(MAX_PEER_BYTES))
    return { first, hardState, snapshot, snapshotBytes, snapshotParts, voters }
  })
}

export function encodeWitness(number: number): Uint8Array {
  return new Writer(32).number(VERSION).number(number).finish()
}

/** Throws `ERR_CORRUPT`. */
export function decodeWitness(bytes: Uint8Array): number {
  return decode(bytes, (reader) => reader.number())
}

function decode<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  try {
    const reader = new Reader(bytes)
    const version = reader.number()
    if (version !== VERSION) throw corrupt(`a record of version ${version}`)
    const value = read(reader)
    reader.end()
    return value
  } catch (cause) {
    if (cause instanceof MeshError && cause.code === 'ERR_CORRUPT') throw cause
    throw corrupt('a record that cannot be read', cause)
  }
}

function boundOfHardState(hardState: HardState | undefined): number {
  return 32 + 3 * (hardState?.vote?.length ?? 0)
}

/** 0: none; 1: without a vote; 2: with one. */
function writeHardState(writer: Writer, hardState: HardState | undefined): void {
  if (hardState === undefined) {
    writer.number(0)
    return
  }
  const { term, vote, commit } = hardState
  writer
    .number(vote === undefined ? 1 : 2)
    .number(term)
    .number(commit)
  if (vote !== undefined) writer.text(vote)
}

function readHardState(reader: Reader): HardState | undefined {
  const kind = reader.number(0, 2)
  if (kind === 0) return undefined
  const term = reader.number()
  const commit = reader.number()
  return { term, vote: kind === 2 ? reader.text(MAX_PEER_BYTES) : undefined, commit }
}

export function corrupt(what: string, cause?: unknown): MeshError {
  return new MeshError('ERR_CORRUPT', `consensus: ${what}`, { cause })
}
