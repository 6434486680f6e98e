import { MeshError } from '../../../protocols/errors.ts'
import {
  encodeHeartbeatReplies,
  encodeHeartbeats,
  encodeMessage,
  type Frame,
  type Heartbeat,
  type HeartbeatReply
} from '../../../protocols/raft/codec.ts'
import { MAX_BEATS, RAFT } from '../../../protocols/raft/constants.ts'
import type { GroupMessage } from '../../../protocols/raft/messages.ts'
import type { Message } from '../../core/consensus/types.ts'
import type { Lane, Links } from '../links/types.ts'

/** What all groups have for one peer and may share a frame. */
interface Beats {
  readonly heartbeats: Heartbeat[]
  readonly replies: HeartbeatReply[]
}

/** Entries go behind each other, a snapshot behind nobody, and whatever keeps a leader in office ahead of both. */
function laneOf(kind: GroupMessage['kind']): Lane {
  if (kind === 'append') return 'normal'
  return kind === 'snapshot' ? 'bulk' : 'control'
}

/** The messages of all groups, on their way to links. */
export class Outgoing {
  readonly #links: Links
  readonly #lost: (peer: string, group: string) => void
  /** By peer; a new one after each flush. */
  #beats = new Map<string, Beats>()

  /** `lost`: what went to the peer in the group is lost for sure. */
  constructor(links: Links, lost: (peer: string, group: string) => void) {
    this.#links = links
    this.#lost = lost
  }

  send(group: string, { from: _, to, ...content }: Message): void {
    const message = { ...content, group } as GroupMessage
    if (message.kind === 'heartbeat') this.#beatsOf(to).heartbeats.push(message)
    else if (message.kind === 'heartbeat-reply') this.#beatsOf(to).replies.push(message)
    else this.#put(to, laneOf(message.kind), encodeMessage(message), [group])
  }

  /** What the microtasks send that are queued already comes along: a tick's heartbeats of all groups. */
  #beatsOf(peer: string): Beats {
    if (this.#beats.size === 0) queueMicrotask(() => this.#flush())
    let beats = this.#beats.get(peer)
    if (beats === undefined) this.#beats.set(peer, (beats = { heartbeats: [], replies: [] }))
    return beats
  }

  #flush(): void {
    const due = this.#beats
    this.#beats = new Map()
    for (const [peer, { heartbeats, replies }] of due) {
      this.#putAll(peer, heartbeats, encodeHeartbeats)
      this.#putAll(peer, replies, encodeHeartbeatReplies)
    }
  }

  #putAll<T extends GroupMessage>(peer: string, messages: readonly T[], encode: (messages: readonly T[]) => Frame) {
    for (let at = 0; at < messages.length; at += MAX_BEATS) {
      const together = messages.slice(at, at + MAX_BEATS)
      this.#put(
        peer,
        'control',
        encode(together),
        together.map(({ group }) => group)
      )
    }
  }

  #put(peer: string, lane: Lane, { kind, body }: Frame, groups: readonly string[]): void {
    try {
      // A peer that is not in the view may be reached all the same, as one that has just joined.
      this.#links.to(peer, RAFT, lane).send(kind, body, lane !== 'control')
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      // A link that takes no more, or none at all: the machine must not believe that it is under way.
      for (const group of groups) this.#lost(peer, group)
    }
  }
}
