import { MeshError } from '../../../protocols/errors.ts'
import { decodeMessages } from '../../../protocols/raft/codec.ts'
import { COUNTED_KINDS, MAX_COMMAND_BYTES, RAFT } from '../../../protocols/raft/constants.ts'
import type { GroupMessage } from '../../../protocols/raft/messages.ts'
import type { Message } from '../../core/consensus/types.ts'
import type { Random } from '../../core/machine.ts'
import { attemptAll } from '../attempt-all.ts'
import type { Link, LinkHandler, Links } from '../links/types.ts'
import type { Clock, Disk, Timer } from '../ports.ts'
import type { Store } from '../storage/types.ts'
import { load } from './load.ts'
import { checkGroup, checkMembers } from './members.ts'
import { Outgoing } from './outgoing.ts'
import { Replica } from './replica.ts'
import { type ConsensusEvent, DEFAULT_OPTIONS, type ReplicaOptions, type Replicated } from './types.ts'

export interface ReplicasParts {
  /** PeerId of this node. */
  readonly self: string
  readonly clock: Clock
  readonly random: Random
  readonly links: Links
  store(): Store
  /** Beside the store, where that outlives the process. */
  readonly marks?: Disk | undefined
  /** Bytes of a frame that every node takes. */
  readonly maxFrame: number
  emit(event: ConsensusEvent): void
}

export interface GroupOptions {
  /** PeerIds of those who found the group, in any order; the same for each of them, and in every life. */
  readonly voters: readonly string[]
  /** Default: none. */
  readonly learners?: readonly string[] | undefined
  /** What the replica holds: as it is before the first command. */
  readonly state: Replicated
  readonly options?: Partial<ReplicaOptions> | undefined
}

/** ms between ticks: heartbeats go once a tick, elections begin after ten to twenty without one, sooner where the way to the leader broke. etcd's defaults. */
const TICK = 100
/** Bytes of a frame that are not the data of what it carries: the group, numbers, configurations. */
const FRAME_OVERHEAD = 32_768

/** All replicas of a node, and the driver of `protocols/raft`. They share links, the clock's one timer, and heartbeats' frames. */
export class Replicas implements LinkHandler {
  readonly protocol = RAFT
  readonly lanes = ['control', 'normal', 'bulk'] as const
  readonly counted = COUNTED_KINDS
  /** Messages for groups that are not open here, or have ended. */
  dropped = 0
  readonly #parts: ReplicasParts
  readonly #outgoing: Outgoing
  /** Undefined while it is opened. */
  readonly #groups = new Map<string, Replica | undefined>()
  #timer: Timer | undefined
  #tickedAt = 0
  #stopped = false

  constructor(parts: ReplicasParts) {
    this.#parts = parts
    this.#outgoing = new Outgoing(parts.links, (peer, group) => this.#groups.get(group)?.unreachable(peer))
    parts.links.register(this)
  }

  /**
   * Takes up this node's part in a group, or begins it. Who is neither voter nor learner takes part once a leader has made
   * it a member. Rejects with `ERR_CONFIG`, `ERR_ALREADY_REGISTERED`, `ERR_VOTERS_MISMATCH`, `ERR_STORAGE`, and with
   * `ERR_CORRUPT` where something is missing on the disk that this node has promised the others to remember.
   */
  async open(group: string, { voters, learners = [], state, options = {} }: GroupOptions): Promise<Replica> {
    checkGroup(group)
    checkMembers({ voters, learners })
    if (this.#stopped) throw stoppedError()
    if (this.#groups.has(group)) throw new MeshError('ERR_ALREADY_REGISTERED', `the group ${group} is open already`)
    const { self, clock, random, store, marks, emit: report } = this.#parts
    this.#groups.set(group, undefined)
    try {
      const loaded = await load(store(), group, self, { voters, outgoing: [], learners }, marks)
      if (this.#stopped) throw stoppedError()
      const send = (message: Message): void => this.#outgoing.send(group, message)
      const parts = { group, self, clock, random, loaded, state, send, report }
      const replica = new Replica({
        ...parts,
        options: this.#optionsOf(options),
        maxCommand: this.#maxCommand,
        founders: voters
      })
      this.#groups.set(group, replica)
      if (this.#timer === undefined) this.#tickFrom(clock.monotonic())
      return replica
    } catch (error) {
      this.#groups.delete(group)
      throw error
    }
  }

  get(group: string): Replica | undefined {
    return this.#groups.get(group)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    for (const replica of this.#groups.values()) replica?.stop()
    this.#groups.clear()
  }

  /** What does not fit a frame could never be sent. */
  get #maxCommand(): number {
    return Math.min(MAX_COMMAND_BYTES, this.#parts.maxFrame - FRAME_OVERHEAD)
  }

  #optionsOf(given: Partial<ReplicaOptions>): ReplicaOptions {
    const { maxAppendBytes = 262_144, chunkBytes = 262_144, ...raft } = given.raft ?? {}
    const most = this.#maxCommand
    const bounds = { maxAppendBytes: Math.min(most, maxAppendBytes), chunkBytes: Math.min(most, chunkBytes) }
    return { ...DEFAULT_OPTIONS, ...given, raft: { ...raft, ...bounds } }
  }

  // ---- time --------------------------------------------------------------------------------------------------------

  #tickFrom(now: number): void {
    this.#tickedAt = now
    this.#timer = this.#parts.clock.after(TICK, () => this.#tick())
  }

  /**
   * Promises to leaders are counted in ticks: a timer that is late makes one of them, never those that it missed; one that
   * is early none yet.
   */
  #tick(): void {
    const { clock } = this.#parts
    const now = clock.monotonic()
    const early = this.#tickedAt + TICK - now
    if (early > 0) {
      this.#timer = clock.after(early, () => this.#tick())
      return
    }
    this.#tickFrom(now)
    attemptAll(this.#groups.values(), (replica) => replica?.tick())
  }

  // ---- LinkHandler -------------------------------------------------------------------------------------------------

  frame(link: Link, kind: number, body: Uint8Array): void {
    const counted = COUNTED_KINDS.has(kind)
    // The log and the snapshot keep their data, the link its memory.
    const messages = decodeMessages(kind, counted ? new Uint8Array(body) : body)
    for (const message of messages) this.#receive(link.peer, message)
    // What is under way to a follower the leader's window bounds.
    if (counted) link.consumed(body.byteLength)
  }

  /** Who says it is whose link it is: nobody speaks for another. */
  #receive(from: string, { group, ...content }: GroupMessage): void {
    const replica = this.#groups.get(group)
    if (replica === undefined || replica.ended !== undefined) this.dropped++
    else replica.receive({ ...content, from, to: this.#parts.self } as Message)
  }

  closed(link: Link): void {
    if (link.direction === 'inbound') return
    for (const replica of this.#groups.values()) replica?.unreachable(link.peer)
  }
}

function stoppedError(): MeshError {
  return new MeshError('ERR_STOPPED', 'the node is stopped')
}
