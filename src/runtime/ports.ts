import type { Change } from './storage/types.ts'

/**
 * What the node needs of the world, and nothing more. Production hands in libp2p and the system's clock; the test kit
 * hands in a simulated network and a virtual clock, and the drivers cannot tell.
 */

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall-clock ms since the epoch: for what people and peers read. */
  now(): number
  /** Monotonic ms, fractions included: for every duration and deadline. */
  monotonic(): number
  /** Calls `fn` once after `ms`. Never keeps the process alive by itself. */
  after(ms: number, fn: () => void): Timer
  /** Calls `fn` after everything that this turn of the event loop still has to do. */
  endOfTurn(fn: () => void): void
}

export interface Dice {
  /** Uniform in [0, 1). */
  random(): number
  /** `length` bytes: cryptographic in production, seeded in a simulation. */
  bytes(length: number): Uint8Array
}

/**
 * One ordered, reliable, bidirectional byte stream to a peer whose identity the network vouches for.
 * The owner sets the three callbacks before it returns to the event loop; bytes that came earlier are kept until then.
 */
export interface Channel {
  /** PeerId, as text. */
  readonly peer: string
  readonly protocol: string
  readonly direction: 'inbound' | 'outbound'
  /** The chunk is its receiver's alone: nobody else holds its memory. */
  onBytes: (chunk: Uint8Array) => void
  onDrain: () => void
  /** Called exactly once. Without `error` the peer closed in good order. */
  onClose: (error?: Error) => void
  /**
   * Takes the bytes whatever it returns; `false` asks to wait for `onDrain`. The caller never writes to `bytes` again; it
   * may give their memory back once the turn has ended in which `true` was returned or `onDrain` came.
   */
  write(bytes: Uint8Array): boolean
  /** Stops and restarts `onBytes`. */
  pause(): void
  resume(): void
  /** Flushes, then closes both ways. */
  close(): Promise<void>
  /** Resets at once; the peer sees an error. */
  abort(error: Error): void
}

export interface WaitOptions {
  signal?: AbortSignal | undefined
}

/** Dials, listens, vouches for identities. PeerIds and multiaddrs are texts here. */
export interface Host {
  readonly peer: string
  /** Dialable multiaddrs, each ending in /p2p/<peer>. Empty until started. */
  addresses(): string[]
  start(): Promise<void>
  /** Bounded by the host itself; safe in any state, more than once. */
  stop(): Promise<void>
  /** Throws `ERR_LISTEN` naming the address that cannot be had. */
  handle(protocol: string, accept: (channel: Channel) => void): void
  /** Opens a stream, dialling first where there is no connection. `ERR_PEER_UNREACHABLE`, `ERR_UNSUPPORTED` (protocol). */
  open(peer: string, protocol: string, options?: WaitOptions): Promise<Channel>
  /** Dials a multiaddr (or a known peer) and resolves with the PeerId reached. */
  dial(target: string, options?: WaitOptions): Promise<string>
  hangUp(peer: string): Promise<void>
  /** Adds to the address book what membership or a directory said. */
  learn(peer: string, addresses: readonly string[]): void
  connected(): string[]
  isConnected(peer: string): boolean
  /** What carries messages to the peer now: 'tcp', 'relay', 'memory'; undefined where not connected. */
  transportTo(peer: string): string | undefined
  onConnect: (peer: string) => void
  onDisconnect: (peer: string) => void
  /** Set by whoever measures: ms of a round trip to the peer, by which the host sizes what may be under way to it. */
  roundTrip?: (peer: string) => number | undefined
  sign(bytes: Uint8Array): Promise<Uint8Array>
  verify(peer: string, bytes: Uint8Array, signature: Uint8Array): Promise<boolean>
}

/** Epidemic broadcast by channel: gossipsub in production. */
export interface Broadcast {
  /** Channels joined get `onMessage`. */
  join(channel: string): void
  leave(channel: string): void
  publish(channel: string, bytes: Uint8Array): Promise<void>
  /** Directly connected peers known to have joined. */
  subscribers(channel: string): string[]
  onMessage: (channel: string, bytes: Uint8Array) => void
}

/** A distributed hash table: Kademlia in production. Keys are texts, prefixed by the caller. */
export interface ContentRouting {
  provide(key: string, options?: WaitOptions): Promise<void>
  findProviders(key: string, options?: WaitOptions): AsyncIterable<string>
  /** Resolves with how many peers took the value; every one of them has validated it. */
  put(key: string, value: Uint8Array, options?: WaitOptions): Promise<number>
  get(key: string, options?: WaitOptions): Promise<Uint8Array | undefined>
  /** Called for every value stored or fetched: false refuses it. One per key prefix (`'/phoenix-host/'`). */
  validate(prefix: string, check: (key: string, value: Uint8Array) => Promise<boolean>): void
  /** Which of several values of one key is best: an index. */
  select(prefix: string, choose: (key: string, values: Uint8Array[]) => number): void
}

/** The right to handle one delivery, which at most one host has at a time. */
export interface DeliveryLock {
  /** Lets go of it; what is held no longer is no error. */
  release(): Promise<void>
}

/** One atomic step of the log that hosts share. */
export interface CoordinatedStep {
  /** Recorded as delivered; undefined where nothing was. */
  readonly delivery: string | undefined
  /** The delivery’s: where it was lost the step is refused with `ERR_COORDINATION_TIMEOUT`. */
  readonly lock: DeliveryLock | undefined
  /** Versions that keys must still have, else `ERR_CONFLICT`. */
  readonly reads: ReadonlyMap<string, number>
  readonly changes: readonly Change[]
}

/** What hosts share under one key; `version` 0 where there is nothing. */
export interface SharedValue {
  readonly value: Uint8Array | undefined
  readonly version: number
}

/**
 * What hosts share so that an agent's deliveries and its state go with it from one to another: a lock for each delivery, a
 * log of what was delivered, and the state that changes with it. A delivery is named by its message's source and id.
 *
 * Who holds a delivery's lock reads all that was recorded until it was granted, or later; who gives no lock reads all that was
 * recorded before it asked. All of it rejects with `ERR_COORDINATION_TIMEOUT` where the hosts that decide cannot be reached.
 */
export interface Coordinator {
  /** Waits until no other host has it, `timeout` ms at most. */
  acquire(delivery: string, options: WaitOptions & { timeout: number }): Promise<DeliveryLock>
  /** For whoever holds its lock. `ERR_GAP` where that is not known any more. */
  delivered(delivery: string): Promise<boolean>
  /** The lock goes with a step that records its delivery. `ERR_CONFLICT`. */
  record(step: CoordinatedStep): Promise<void>
  read(key: string, lock: DeliveryLock | undefined): Promise<SharedValue>
  /** All keys that begin so, in their order, as they were at one moment. */
  list(prefix: string, lock: DeliveryLock | undefined): Promise<(readonly [key: string, shared: SharedValue])[]>
}

export interface Network {
  host: Host
  broadcast: Broadcast
  routing: ContentRouting
}

/**
 * A folder of the node's own. What a process or a machine leaves behind when it dies is what was synced: the bytes of a
 * file by the file's `sync`, its name by the folder's. All the rest may be there, in part or not at all.
 */
export interface Disk {
  /** Names of the files in it, in no order. */
  list(): Promise<string[]>
  /** Opens for reading and writing; a file that is not there is made, empty. */
  open(name: string): Promise<DiskFile>
  remove(name: string): Promise<void>
  /** Replaces `to` where it is there: at once, or not at all. */
  rename(from: string, to: string): Promise<void>
  /** Names made, removed and renamed until now survive a crash once it resolves. */
  sync(): Promise<void>
  /** A folder inside this one, made by the first file that is opened there. */
  folder(name: string): Disk
}

export interface DiskFile {
  /** Bytes. */
  readonly size: number
  /** The bytes must not change before it settles. */
  write(bytes: Uint8Array, at: number): Promise<void>
  /** `write`, then `sync`, in one call: left out where that is no faster. */
  writeThrough?(bytes: Uint8Array, at: number): Promise<void>
  /** Fewer bytes than asked for where the file ends. */
  read(at: number, length: number): Promise<Uint8Array>
  truncate(size: number): Promise<void>
  /** fdatasync: what was written or cut off before survives a crash once it resolves. After a rejection nobody knows what did. */
  sync(): Promise<void>
  close(): Promise<void>
}
