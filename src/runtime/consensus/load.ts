import { MeshError } from '../../../protocols/errors.ts'
import type { Configuration, Entry, HardState, Snapshot } from '../../core/consensus/types.ts'
import type { Disk } from '../ports.ts'
import type { Store } from '../storage/types.ts'
import { Generation } from './generation.ts'
import { Keys, RaftStore } from './raft-store.ts'
import { type Base, corrupt, decodeBase, decodeLogRecord, decodeWitness } from './records.ts'

/** What a replica begins with. */
export interface Loaded {
  readonly store: RaftStore
  readonly hardState: HardState
  readonly snapshot: Snapshot
  readonly entries: readonly Entry[]
}

/**
 * What the store has of a group; of one that it does not know, the first configuration.
 *
 * Rejects with `ERR_CORRUPT` where anything is missing that the replica once had: a vote or an entry that it forgot may
 * have made a leader or been counted as committed, so whoever goes on with the rest breaks Raft's promises (Alagappan et
 * al., "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018). That all of it is missing, or all since an older
 * copy of the store, is known by `marks`, a folder that is not lost with it. `ERR_VOTERS_MISMATCH` where the group was
 * opened with other voters before.
 */
export async function load(
  store: Store,
  group: string,
  self: string,
  first: Configuration,
  marks?: Disk | undefined
): Promise<Loaded> {
  const keys = new Keys(group)
  const generation = new Generation(store, marks, group, keys.generation)
  await generation.check()
  const value = await store.get(keys.base)
  const base = value === undefined ? newBase(first, self) : decodeBase(value)
  const data = await readSnapshot(store, keys, base)
  const log = await readRecords(store, keys, base, value === undefined)
  const { hardState, entries, kept } = log
  const configuration =
    entries.findLast((entry) => entry.kind === 'configuration')?.configuration ?? base.snapshot.configuration
  if (value !== undefined) checkVoters(group, first.voters, base.voters, configuration)
  if (value !== undefined) await generation.advance()
  const stored = { base, kept, hardState, fresh: value === undefined, begin: () => generation.advance() }
  const raftStore = new RaftStore(store, keys, stored)
  return { store: raftStore, hardState, snapshot: { ...base.snapshot, data }, entries }
}

/** Who is not in the group from the beginning knows nobody, votes for whom it likes and never stands for election. */
function newBase(first: Configuration, self: string): Base {
  const known = first.voters.includes(self) || first.learners.includes(self)
  const configuration = known ? first : { voters: [], outgoing: [], learners: [] }
  return {
    first: 1,
    hardState: { term: 0, vote: undefined, commit: 0 },
    snapshot: { index: 0, term: 0, configuration },
    snapshotBytes: 0,
    snapshotParts: 0,
    voters: first.voters
  }
}

async function readSnapshot(store: Store, keys: Keys, base: Base): Promise<Uint8Array> {
  const { snapshot, snapshotBytes, snapshotParts } = base
  const data = new Uint8Array(snapshotBytes)
  let at = 0
  for (let part = 0; part < snapshotParts; part++) {
    const bytes = await store.get(keys.part(snapshot.index, part))
    if (bytes === undefined || at + bytes.byteLength > snapshotBytes)
      throw corrupt(`part ${part} of the snapshot at ${snapshot.index} is not there`)
    data.set(bytes, at)
    at += bytes.byteLength
  }
  if (at !== snapshotBytes) throw corrupt(`${at} of ${snapshotBytes} bytes of the snapshot at ${snapshot.index}`)
  await dropParts(store, keys, base)
  return data
}

/** Of snapshots that a crash left half-written, or whose removal it undid. */
async function dropParts(store: Store, keys: Keys, { snapshot, snapshotParts }: Base): Promise<void> {
  const current = new Set(Array.from({ length: snapshotParts }, (_, part) => keys.part(snapshot.index, part)))
  for await (const [key] of store.entries(keys.snapshots))
    if (!current.has(key)) store.writeLater([{ key, value: undefined }])
}

interface Log {
  hardState: HardState
  readonly entries: Entry[]
  readonly kept: number[]
}

/** Replays the records in their order: the first entry of each voids whatever stands at or after its index. */
async function readRecords(store: Store, keys: Keys, base: Base, fresh: boolean): Promise<Log> {
  const log: Log = { hardState: base.hardState, entries: [], kept: [] }
  for await (const [key, value] of store.entries(keys.records)) {
    const number = base.first + log.kept.length
    if (fresh || key !== keys.record(number)) throw corrupt(`record ${number} is missing before ${key}`)
    const { hardState, entries } = decodeLogRecord(value)
    log.hardState = hardState ?? log.hardState
    for (const entry of entries) replay(log.entries, entry, base.snapshot.index)
    log.kept.push(entries.at(-1)?.index ?? 0)
  }
  const witness = await store.get(keys.witness)
  const last = base.first + log.kept.length - 1
  if (witness !== undefined && (fresh || decodeWitness(witness) > last))
    throw corrupt(`record ${decodeWitness(witness)} is missing after ${last}`)
  return log
}

function replay(entries: Entry[], entry: Entry, snapshot: number): void {
  if (entry.index <= snapshot) return
  const at = entry.index - snapshot - 1
  if (at > entries.length) throw corrupt(`no entry ${snapshot + entries.length + 1} before ${entry.index}`)
  entries.length = at
  entries.push(entry)
}

/** Whoever was never a member has nobody to disagree with. */
function checkVoters(group: string, given: readonly string[], first: readonly string[], now: Configuration): void {
  if (now.voters.length === 0) return
  if ([first, now.voters, now.outgoing].some((voters) => isSame(voters, given))) return
  const text = `the group ${group} has other voters than it is opened with`
  throw new MeshError('ERR_VOTERS_MISMATCH', text, { details: { group, voters: now.voters, first, given } })
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id))
}
