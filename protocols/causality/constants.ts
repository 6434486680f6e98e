/** What hosts tell each other about the order of messages that others carry. The lane is always `control`. */
export const CAUSALITY = '/phoenix/causality/1.0.0'

/** Where a message went to. */
export const DestinationKind = {
  /** One host. */
  host: 0,
  /** The at-most-once subscriptions to a topic, over links. */
  topic: 1,
  /** The at-least-once subscriptions to a topic: they have streams of their own, which other copies may overtake. */
  assured: 2,
  /** The at-most-once subscriptions to a topic, over a wide channel: its sender does not know whom it reaches. */
  wide: 3
} as const
export type DestinationKind = (typeof DestinationKind)[keyof typeof DestinationKind]

/** By what way messages come: each counts by itself how far a producer's have passed. */
export const Way = { link: 0, assured: 1, wide: 2 } as const
export type Way = (typeof Way)[keyof typeof Way]

export function wayOf(kind: DestinationKind): Way {
  return kind < DestinationKind.assured ? Way.link : kind === DestinationKind.assured ? Way.assured : Way.wide
}

/** Dependencies that one message carries at most (the specification of this mesh). */
export const MAX_ENTRIES = 64
/** Dependencies that a reader takes in one block: what a repeated message carries besides, once more. */
export const MAX_CHANGES = 2 * MAX_ENTRIES
/** Slots of one stream's table, in each direction. A sender holds 64 at a time, and gives each back before it needs another. */
export const MAX_SLOTS = 256
/** Changes that a sender remembers, so that a stream is told what is new without a look at all that is held. More than a message carries, and a power of two. */
export const LOG_SIZE = 128
/** Bytes of a name: a topic has 768 at most, a PeerId about 52. */
export const MAX_NAME_BYTES = 768
/** Numbers in one frame. A guess: what one tick of a busy host asks of one other. */
export const MAX_NUMBERS = 1024

/** Frame kinds. None is counted: they are few, small, and what counted frames wait for. */
export const Kind = {
  /** Tell me once you have handed out everything of a producer up to a number. Body: statements. */
  ask: 0x10,
  /** That is so. Body: statements. */
  passed: 0x11,
  /** I wait for a number of yours. Body: epoch, way, passed, number. */
  missing: 0x12,
  /** It will not come: take its place as empty. Body: epoch, way, previous, number − previous, dependencies. */
  fill: 0x13,
  /** It is on its way. Body: epoch, way. */
  coming: 0x14
} as const
