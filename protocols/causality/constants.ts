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
  wide: 3,
  /** Both kinds of subscription to a topic, the at-most-once ones over links: one publication with two ways. */
  both: 4,
  /** Both kinds of subscription to a topic, the at-most-once ones over a wide channel. */
  wideBoth: 5
} as const
export type DestinationKind = (typeof DestinationKind)[keyof typeof DestinationKind]

/** By what way messages come: each counts by itself how far a producer's have passed. */
export const Way = { link: 0, assured: 1, wide: 2 } as const
export type Way = (typeof Way)[keyof typeof Way]

/** The one way of what has one; of a publication with two ways that of the copies for at-most-once subscriptions. */
export function wayOf(kind: DestinationKind): Way {
  if (kind === DestinationKind.assured) return Way.assured
  return kind === DestinationKind.wide || kind === DestinationKind.wideBoth ? Way.wide : Way.link
}

/** Whether copies for at-least-once subscriptions go besides, on their own way. */
export function isTwofold(kind: DestinationKind): boolean {
  return kind >= DestinationKind.both
}

/** Of a publication that goes by the ways given: wide or over links (undefined: to none of the at-most-once subscriptions), and for at-least-once subscriptions. */
export function publicationKind(wide: boolean | undefined, assured: boolean): DestinationKind {
  if (wide === undefined) return DestinationKind.assured
  if (assured) return wide ? DestinationKind.wideBoth : DestinationKind.both
  return wide ? DestinationKind.wide : DestinationKind.topic
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
