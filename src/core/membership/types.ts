/**
 * The view of the mesh that every node holds: what each member says of itself, under a version that only it raises
 * (Scuttlebutt: van Renesse et al., "Efficient Reconciliation and Flow Control for Anti-Entropy Protocols", 2008).
 */

export type MemberState = 'alive' | 'suspect' | 'dead' | 'left'

/** What a member is, signed by it. Changes only with its incarnation. */
export interface MemberRecord {
  peer: string
  name: string
  region: string | undefined
  zone: string | undefined
  addresses: readonly string[]
  /** Wall-clock ms when this life of the node began: a rejoin has a higher one than the life before. */
  incarnation: number
}

/** What a member announces, under keys such as `agent/<name>/<instance>`, `subscription/<id>`, `load`, `pipeline/<id>`. */
export interface Entry {
  key: string
  /** Anything MessagePack carries; undefined is a tombstone. */
  value: unknown
  /** Raised by one for each change that this member makes in this incarnation. */
  version: number
}

export interface Member {
  readonly record: MemberRecord
  readonly state: MemberState
  /** The highest version known. */
  readonly version: number
  readonly entries: ReadonlyMap<string, Entry>
}

export type MembershipEvent =
  /** Its entries follow, an `entry` event each, though `member.entries` may hold them already. */
  | { kind: 'member-up'; member: Member }
  /** Left on its own word, or was declared dead. */
  | { kind: 'member-down'; member: Member; reason: 'left' | 'dead' | 'replaced' | 'evicted' }
  | { kind: 'member-suspect'; member: Member }
  | { kind: 'entry'; member: Member; entry: Entry; before: Entry | undefined }
