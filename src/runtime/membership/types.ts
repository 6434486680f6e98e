import type { MeshError } from '../../../protocols/errors.ts'
import type { SignedRecord } from '../../../protocols/overlay/messages.ts'
import type { MembershipOptions } from '../../core/membership/options.ts'
import type { Member, MemberRecord, MembershipEvent } from '../../core/membership/types.ts'
import type { Links } from '../links/types.ts'
import type { Clock, Dice, Host } from '../ports.ts'
import type { BootstrapSource } from './bootstrap.ts'

/** What the floors above ask of the view, whatever spreads it. */
export interface Membership {
  readonly self: MemberRecord
  /** The others, alive or suspect. */
  members(): Iterable<Member>
  member(peer: string): Member | undefined
  /** True once as many as `limits.members` were held, so that somebody may have been left out: absence here proves nothing. */
  readonly partial: boolean
  /** Sets an own entry and starts to spread it; returns its version. */
  set(key: string, value: unknown): number
  delete(key: string): number
  /** Resolves once every live member has acknowledged our entries up to `version` (at once when there are none). */
  announced(version: number, options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** Resolves once the view was exchanged both ways with at least `peers` members. */
  joined(peers: number, options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** Listeners are called synchronously and must not throw. Returns the way to stop. */
  subscribe(listener: (event: MembershipEvent) => void): () => void
}

export interface MembershipDriverOptions extends Partial<MembershipOptions> {
  /** Multiaddrs, or what reads them at each attempt: see `bootstrapFile`. Default none. */
  bootstrap?: readonly string[] | BootstrapSource
  /** ms that our signed record is good for; signed anew at half of it. Default one hour (a guess). */
  recordLifetime?: number
  /** ms that `stop` waits for the others to acknowledge that we leave. Default 500 (a guess: several round trips). */
  leaveTimeout?: number
}

export interface MembershipInit {
  host: Host
  links: Links
  clock: Clock
  dice: Dice
  self: { name: string; region: string | undefined; zone: string | undefined }
  options?: MembershipDriverOptions
  /** Told what failed and will be tried again: `ERR_BOOTSTRAP`, one for each attempt. Must not throw. */
  report?: (error: MeshError) => void
}

/** The membership as the node's assembly holds it: its doors to the world besides what the floors above may ask. */
export interface MembershipDriver extends Membership {
  /** Signs our record and begins to join. The host listens already. */
  start(): Promise<void>
  /** Says farewell (bounded by `leaveTimeout`) and stops. Waits in `announced` and `joined` reject with `ERR_STOPPED`. */
  stop(options: { leave: boolean }): Promise<void>
  /** What `Host.onConnect` and `Host.onDisconnect` tell. */
  connected(peer: string): void
  disconnected(peer: string): void
  /** Something of any protocol came from the peer: it lives. Cheap, but meant for once a batch rather than once a message. */
  heard(peer: string): void
  /** Smoothed round-trip time, ms; undefined where none was measured since it connected. */
  rtt(peer: string): number | undefined
  /** A member's record as it was signed, or our own: the blob that a directory may store. */
  signedRecord(peer: string): SignedRecord | undefined
}
