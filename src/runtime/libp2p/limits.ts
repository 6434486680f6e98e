/** What one host may hold, and how long it tries. Times are ms, sizes bytes. */
export interface HostLimits {
  /** Connections kept before libp2p prunes the least valued. Default 1,000 (at 0.1 to 0.3 MB each, measured). */
  connections: number
  /** New connections a second from one address; more are refused. Default 1,000: hosts behind one NAT start together. */
  inboundConnectionsPerSecond: number
  /** Streams of one protocol, each way, on one connection. Default 64: our protocols open one for each lane. */
  streamsPerProtocol: number
  /** What one stream may hold unread, and so what a paused channel can cost. Default 4 MiB (bandwidth × delay of 300 Mbit/s × 100 ms). */
  channelReadBytes: number
  /** Bound on reaching a peer, all its addresses and the handshake included. Default 10 s (libp2p's). */
  dialTimeout: number
  /** Bound on one of its addresses, so that a silent one does not use up the time of the next. Default 3 s (a guess). */
  addressDialTimeout: number
  /** Bound on one query of the hash table. Default 10 s (a guess: a lookup among 50 took under 0.1 s). */
  queryTimeout: number
  /** Bound on `stop()`; what is open then is reset. Default 2 s (a table's own stop was seen to take 0.5 s). */
  stopTimeout: number
  /** How long a closed channel waits for the peer to close its side, then resets. Default 5 s (a guess). */
  channelCloseTimeout: number
  /** Peers this host asks to relay for it. Default 2: one may fail. */
  relays: number
  /** Peers this host relays for. Default 1,024 (a guess; libp2p's 15 is for strangers). */
  relayReservations: number
  /** The largest broadcast message. Default 1 MiB. */
  broadcastBytes: number
}

export const defaultHostLimits: HostLimits = {
  connections: 1_000,
  inboundConnectionsPerSecond: 1_000,
  streamsPerProtocol: 64,
  channelReadBytes: 4 * 2 ** 20,
  dialTimeout: 10_000,
  addressDialTimeout: 3_000,
  queryTimeout: 10_000,
  stopTimeout: 2_000,
  channelCloseTimeout: 5_000,
  relays: 2,
  relayReservations: 1_024,
  broadcastBytes: 2 ** 20
}
