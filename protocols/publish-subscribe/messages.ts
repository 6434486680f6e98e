/** What publishers and subscribers say to each other, as plain types. */

/** One message of a batch: its topic stands outside, so that whoever does not want it never decodes it. */
export interface BatchMessage {
  topic: string
  /** In the mesh's message encoding, without its topic. */
  bytes: Uint8Array
}

/** What goes over a wide channel. Everything but the signature is signed. */
export interface Packet {
  /** PeerId of who published and signed it. */
  publisher: string
  /** The publisher's incarnation: a later life has a higher one. */
  epoch: number
  channel: number
  /** Contiguous from 1 for each publisher, epoch and channel. */
  number: number
  ask: Ask | undefined
  /** A batch; empty where the packet only tells the last number. */
  batch: Uint8Array
}

/** Asks for an acknowledgement: of `peers`, or where there are none, of everybody who has a subscription to it. */
export interface Ask {
  token: number
  peers: readonly string[]
}

export interface SignedPacket extends Packet {
  /** The bytes that the signature covers. */
  signed: Uint8Array
  signature: Uint8Array
}

export interface Acknowledgement {
  token: number
  /** Local subscriptions that the batch's messages reached, before their filters. */
  subscribers: number
}

/** "Answer once you have delivered everything that I sent before, up to packet `number` of the channel." */
export interface Sync {
  token: number
  channel: number
  number: number
}

/** "I miss these": numbers `from` to `to`, both included. */
export interface Repair {
  epoch: number
  channel: number
  from: number
  to: number
}

/** Ends the answer to a repair: what did not come before it will not come. */
export interface Skip extends Repair {
  /** How many of them may have concerned the asker and are no longer held. */
  lost: number
}

/** One publisher's batches for one receiver's at-least-once subscriptions: kept until taken, sent again until received. */
export interface NumberedBatch {
  /** The publisher's incarnation. */
  epoch: number
  /** Counts the streams that the publisher has begun in this epoch. */
  stream: number
  /** The lowest number that is still kept. */
  lowest: number
  /** From 1, contiguous. Below `lowest` it only asks how far the receiver is. */
  number: number
  /** 0: no acknowledgement is asked. */
  token: number
  /** Epoch of the publisher's log. */
  log: number
  /** The last number in that log before this life of the publisher. */
  began: number
  /** What the receiver wants of the log up to here is in the batches before this one. */
  before: number
  /** And with this one up to here. */
  last: number
  /** The highest number of what the receiver has announced that the publisher knew when it made this. */
  interest: number
  /** The log's number of each message of the batch, each less the one before (the first: less `before`), as LEB128. */
  numbers: Uint8Array
  batch: Uint8Array
}

/** How far the receiver of numbered batches is. */
export interface Taken {
  epoch: number
  stream: number
  /** Everything up to here has come. */
  received: number
  /** Everything up to here has found room; what has not slows the publisher. */
  taken: number
}

/** Where a reader of a log begins. */
export type Beginning =
  /** Behind `value` of `epoch`: it was there before. In another epoch it begins at its start. */
  | 'position'
  /** At the oldest that is kept. */
  | 'start'
  /** Behind the newest. */
  | 'now'
  /** At the first that was published at `value` (wall-clock ms of the publisher) or later. */
  | 'time'
  /** At the number `value`. */
  | 'sequence'
  /** Where it is: it is open, has received all up to `value`, and is given more room. */
  | 'more'
  /** Nowhere: it only asks what there is. */
  | 'digest'

/** A subscriber reads a publisher's log: opens a reader there, or gives one that is open more room. */
export interface Fetch {
  /** The subscriber's name for the reader. */
  reader: number
  /** Raised each time that the reader is opened anew; 0 closes it. */
  turn: number
  /** Whose log: empty for the log of whoever is asked, else what that one has received of it. */
  publisher: string
  pattern: string
  beginning: Beginning
  epoch: number
  value: number
  /** Messages, and bytes of messages, that may be sent since the turn began. */
  messages: number
  bytes: number
}

/** A message of a log: its number, when it was published (wall-clock ms), its topic and itself as it was published. */
export interface LogEntry {
  readonly sequence: number
  readonly time: number
  readonly topic: string
  readonly bytes: Uint8Array
}

/** Part of a log: every message in it that the pattern matches, from behind `after` up to `to`. */
export interface Entries {
  reader: number
  /** 0: no such reader is open here. */
  turn: number
  epoch: number
  /** The oldest number that is kept; one above `last` where nothing is. */
  first: number
  /** The newest number that there is. */
  last: number
  after: number
  to: number
  entries: LogEntry[]
}
