import type { Lane } from '../../../protocols/framing/constants.ts'

export type { Lane }

/**
 * One end of a long-lived stream: peer × protocol × lane. Frames leave in the order they were sent. What flows back
 * (acknowledgements, replies) uses the same stream; a peer that wants to send on its own opens its own.
 */
export interface Link {
  readonly peer: string
  readonly protocol: string
  readonly lane: Lane
  readonly direction: 'inbound' | 'outbound'
  readonly closed: boolean
  /** True while credit and queue have room for another counted frame. */
  readonly writable: boolean
  /**
   * Puts a frame into the batch being built. `counted` frames (messages, requests, replies, parts) use credit; the
   * others (acknowledgements, cancellations) never wait for it. Returns false when the sender should wait for
   * `drained()`; the frame was taken all the same.
   * Throws `ERR_LINK_CLOSED`; `ERR_QUEUE_FULL` when the link's queue bound is passed; `ERR_MESSAGE_TOO_LARGE`.
   */
  send(kind: number, body: Uint8Array, counted: boolean): boolean
  /** Resolves when `writable` is true again; rejects with `ERR_LINK_CLOSED`. */
  drained(): Promise<void>
  /** Sends what is batched now, without waiting for the end of the turn. */
  flush(): void
  /** Gives the sender back the credit for one counted frame of `bytes` body bytes that was received and is done with. */
  consumed(bytes: number): void
  /** Costs the peer this stream; counted by `error.code`. */
  abort(error: Error): void
}

/** What a protocol brings to the links: its id, and what to do with frames. */
export interface LinkHandler {
  /** For example `/phoenix/overlay/1.0.0`; the lane's name is appended on the wire. */
  readonly protocol: string
  readonly lanes: readonly Lane[]
  /** The kinds that must cost credit: one that comes without costs its sender the stream. */
  readonly counted?: ReadonlySet<number>
  /**
   * `body` is a view that is valid during the call only. Throwing costs the peer the stream and is counted: throw
   * `MeshError('ERR_PROTOCOL' | 'ERR_MALFORMED', …)`. A counted frame's credit must be given back by `link.consumed`.
   */
  frame(link: Link, kind: number, body: Uint8Array): void
  opened?(link: Link): void
  closed?(link: Link, error?: Error): void
  /** True while an idle link must stay open: something is still expected over it. */
  busy?(link: Link): boolean
}

export interface Links {
  register(handler: LinkHandler): void
  /** The outbound link, opened on first use: frames sent meanwhile wait in its bounded queue. */
  to(peer: string, protocol: string, lane: Lane): Link
}
