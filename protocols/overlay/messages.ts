/**
 * What two members say to each other. Types only; `codec.ts` turns them into bytes and back, and lets nothing pass
 * that breaks the limits of `constants.ts`.
 */

export type Standing = 'alive' | 'suspect' | 'dead' | 'left'

/** What a member says of itself for one life; signed by it. */
export interface OverlayRecord {
  peer: string
  name: string
  region: string | undefined
  zone: string | undefined
  addresses: readonly string[]
  /** Wall-clock ms of the owner when this life began, or one more than the life before if that is higher. */
  incarnation: number
  /** Wall-clock ms of the owner after which a store may drop the record. Of two records of one incarnation the later counts. */
  expires: number
}

/** A record as it is handed on: the blob is what its owner signed, byte for byte. */
export interface SignedRecord {
  readonly record: OverlayRecord
  readonly blob: Uint8Array
}

/** What is believed of a member. Ordered by incarnation, then refutation, then alive < suspect < dead < left. */
export interface Claim {
  incarnation: number
  /** Raised by the accused alone, to say "I am alive" louder than the accusation. */
  refutation: number
  state: Standing
}

export interface DigestItem extends Claim {
  peer: string
  expires: number
  /** Every change of the member up to this version is known to the sender. */
  version: number
}

/** "This is what I know": asks for whatever the receiver knows beyond. */
export interface Digest {
  kind: 'digest'
  /** Asks for the receiver's digest as well. */
  reply: boolean
  /** True: what is not listed is not known. False: the sender asks about the listed members only. */
  complete: boolean
  /** True: the sender's view is full, it takes in no member that is not listed. */
  closed: boolean
  items: DigestItem[]
}

/** "We agree if our views have the same hash": the cheap form of a digest. */
export interface Summary {
  kind: 'summary'
  hash: number
}

export interface DeltaEntry {
  key: string
  version: number
  /** undefined is a tombstone. */
  value: unknown
}

export interface DeltaItem extends Claim {
  peer: string
  /** Who suspects, where `state` is `'suspect'`. */
  accuser: string | undefined
  record: SignedRecord | undefined
  /** With `entries`, every change after version `from` up to and with `to`. */
  from: number
  to: number
  /** The chunk that reaches the version its sender holds. */
  done: boolean
  /** The receiver knew less than `floor`: what no chunk of this transfer, from 0 to `done`, names is gone. */
  full: boolean
  /** The sender has forgotten tombstones up to this version. */
  floor: number
  /** Versions rise. */
  entries: DeltaEntry[]
}

export interface Delta {
  kind: 'delta'
  /** Ends the answer to a digest. */
  last: boolean
  items: DeltaItem[]
}

/** How far the sender of this knows the receiver's own changes. */
export interface Ack {
  kind: 'ack'
  incarnation: number
  version: number
  /** False: the receiver has no place in the sender's view; its changes are of no use here. */
  held: boolean
  /** Answers a delta with `last`. */
  last: boolean
}

export interface Ping {
  kind: 'ping'
  seq: number
}

export interface Pong {
  kind: 'pong'
  seq: number
}

/** "Is `target` alive, as you see it?" Unanswered where it is not. */
export interface PingRequest {
  kind: 'pingRequest'
  seq: number
  target: string
}

export interface PingResponse {
  kind: 'pingResponse'
  seq: number
  target: string
}

export type OverlayMessage = Digest | Summary | Delta | Ack | Ping | Pong | PingRequest | PingResponse
