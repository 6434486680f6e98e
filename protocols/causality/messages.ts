import type { DestinationKind, Way } from './constants.ts'

/** Message `number` of a producer's life went to the destination, and is in the past of whatever carries this. */
export interface Dependency {
  readonly kind: DestinationKind
  /** A PeerId, or a topic. */
  readonly destination: string
  /** A PeerId. */
  readonly producer: string
  /** The producer's life: a later one is higher. */
  readonly epoch: number
  readonly number: number
}

/** A dependency as its holder keeps it: one object for as long as it lasts, of which only the number changes. */
export interface HeldDependency extends Dependency {
  /** Its place in the table of each stream. Distinct among what is held, and below 256; -1 once it is not held. */
  readonly slot: number
  /** Where the holder's log has its last change; -1 once it is not held. */
  readonly changed: number
}

/**
 * The last changes of what a host holds: change `i` of all its `count` stands at `i` modulo 128. The last `steady` of them
 * each came `period` changes after the one before to the same dependency, and raised its number by `growth`: so it is where
 * a host sends to others in turn.
 */
export interface ChangeLog {
  readonly count: number
  readonly ring: readonly HeldDependency[]
  readonly steady: number
  readonly period: number
  readonly growth: number
}

/** What a message says of its place in the order. */
export interface Stamp {
  /** Of the life in which the sender numbers its messages. */
  readonly epoch: number
  /** From 1, one count for all that the sender sends in causal order. */
  readonly number: number
  /** The number of the sender's message to the same host before this one; 0: none, or (where it goes to many) not said. */
  readonly previous: number
}

/** A stamp to be written. */
export interface OutgoingStamp extends Stamp {
  /** What is in the message's past. */
  readonly dependencies: readonly HeldDependency[]
  /** Where these are all that is held: how they changed. Undefined for a selection, each of which is looked at. */
  readonly log: ChangeLog | undefined
  /** One of them that `previous` says already. */
  readonly own: HeldDependency | undefined
  /** What it carried when it was sent first, of its receiver: told again in full, whatever the stream knows. */
  readonly again: readonly Dependency[]
}

/** A dependency as it was read. The object stays the same for a slot until the slot is defined anew. */
export interface HeardDependency extends Dependency {
  readonly number: number
  /** Whatever the reader wants to remember with the slot, so that it looks nothing up for each message. */
  role: number
  entry: unknown
  source: unknown
}

/** A stamp as it was read: overwritten by the next one of its stream. */
export interface IncomingStamp extends Stamp {
  /** What is new since the stamp before, in the first `count` places. */
  readonly changes: readonly HeardDependency[]
  readonly count: number
  /** It tells just what the last one told that told anything, with greater numbers. */
  readonly repeats: boolean
  /** How many of `changes` that one had. */
  readonly told: number
  /** Whatever the reader wants to remember with the stream's sender. */
  source: unknown
  /** Set by the reader where it needs to look at a repetition only later, in `keeper`; false again with the next change of another form. */
  elsewhere: boolean
  /** Whoever has not looked at some repetitions: told before anything else takes their place. */
  keeper: Keeper | undefined
}

export interface Keeper {
  settle(): void
}

/** A producer's messages up to a number. */
export interface Statement {
  readonly producer: string
  readonly epoch: number
  readonly number: number
}

/** What of a producer's does not come, by one way: everything up to `passed` has. */
export interface Missing {
  readonly epoch: number
  readonly way: Way
  readonly passed: number
  readonly number: number
}

/** Nothing after `previous` and up to `number` will come. What it would have waited for its place must wait for. */
export interface Fill {
  readonly epoch: number
  readonly way: Way
  readonly previous: number
  readonly number: number
  readonly dependencies: readonly Dependency[]
}
