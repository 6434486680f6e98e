import type { OverlayMessage, SignedRecord } from '../../../protocols/overlay/messages.ts'
import type { MembershipEvent } from './types.ts'

export type MembershipInput =
  /** Our own record was signed: the first one, a refreshed one, or one for a new life. */
  | { kind: 'record'; signed: SignedRecord }
  /** `lag`: ms by which the timer fired late, which no peer is to blame for. */
  | { kind: 'tick'; lag: number }
  /** The end of a turn in which `flush` was asked for. */
  | { kind: 'flush' }
  /** Records in a delta are verified. */
  | { kind: 'receive'; from: string; message: OverlayMessage }
  /** Something else than a membership frame came from the peer. */
  | { kind: 'heard'; peer: string }
  | { kind: 'connected'; peer: string }
  | { kind: 'disconnected'; peer: string }
  /** `value` undefined deletes. */
  | { kind: 'set'; key: string; value: unknown }
  | { kind: 'leave' }
  /** The bootstrap addresses as they are now. */
  | { kind: 'bootstrap'; addresses: readonly string[] }
  /** How a dial ended: the peer reached, or undefined. */
  | { kind: 'dialled'; target: string; reached: string | undefined }

export type MembershipEffect =
  /** One message for several, so that it is encoded once. */
  | { kind: 'send'; to: readonly string[]; message: OverlayMessage }
  | { kind: 'emit'; event: MembershipEvent }
  /** Be so kind as to hand in `flush` at the end of this turn. Asked for once a turn at most. */
  | { kind: 'flush' }
  /** Sign our record for this incarnation and hand it in as `record`. */
  | { kind: 'sign'; incarnation: number }
  /** A member's addresses, for the address book. */
  | { kind: 'learn'; peer: string; addresses: readonly string[] }
  /** A PeerId that was learnt, or a multiaddr. */
  | { kind: 'dial'; target: string }
  /** Hand in the addresses as `bootstrap`. */
  | { kind: 'read-bootstrap' }
  | { kind: 'hang-up'; peer: string }
  /** An acknowledgement or an exchange moved on: waiters may look again. */
  | { kind: 'progress' }
