/** What clients and replicas of a group say to each other, as plain types. Values of the group's state are MessagePack. */

export type CallBody =
  /** A command as the log has it: its session and number make it apply once, however often it is asked. The leader alone. */
  | { readonly op: 'propose'; readonly command: Uint8Array }
  /** An index such that whoever has applied it reads all that was committed before. The leader alone. */
  | { readonly op: 'index' }
  /** Reads what the state has, at `least` or later; without it as of now, which is the leader's alone to say. */
  | { readonly op: 'read'; readonly least: number | undefined; readonly part: string; readonly question: Uint8Array }
  /** Answered once a question's answer is another than `known`, byte for byte, or after `POLL`. The leader alone. */
  | { readonly op: 'await'; readonly part: string; readonly question: Uint8Array; readonly known: Uint8Array }
  /** What a part was told, from that index on: answered once there is any, or after `POLL`. */
  | { readonly op: 'follow'; readonly from: number; readonly bytes: number; readonly part: string }
  | { readonly op: 'change'; readonly voters: readonly string[]; readonly learners: readonly string[] }
  | { readonly op: 'transfer'; readonly to: string | undefined }
  | { readonly op: 'snapshot' }

/** `id` is its sender's, and comes back. */
export type Call = { readonly id: number } & CallBody

export interface Calls {
  readonly group: string
  readonly calls: readonly Call[]
}

/** `index` and `term` say where in the log: 0 where that means nothing. */
export interface Done {
  readonly id: number
  readonly index: number
  readonly term: number
  /** MessagePack; of a large one a part. */
  readonly value: Uint8Array
  /** Bytes of the value that follow in later answers, in order. */
  readonly rest: number
}

/** Whoever is no leader names it, where known, and the members that it knows: whom to ask next. */
export interface Failed {
  readonly id: number
  readonly code: string
  readonly message: string
  readonly leader: string | undefined
  readonly members: readonly string[] | undefined
}

export type Answer = Done | Failed

/** What a command led to; the value of an answer to `propose`. */
export type ProposeValue = readonly [ok: true, value: unknown] | readonly [ok: false, code: string, message: string]

/** A command that changed the state. `record` is MessagePack of `[body, result]`. */
export type FollowedEntry = readonly [index: number, term: number, record: Uint8Array]

/** The value of an answer to `follow`, whose `index` is where to go on. A state stands for all that came before it. */
export type FollowValue = readonly [snapshot: readonly [index: number, state: unknown] | null, ...FollowedEntry[]]
