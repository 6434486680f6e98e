/** The direct path's stream; the lane is always `normal`. */
export const PUBLISH_SUBSCRIBE = '/phoenix/publish-subscribe/1.0.0'

/** A gossipsub topic costs every joined node its heartbeat and 1 MiB holds about 1,000 names: 64 shard well and stay cheap. */
export const CHANNELS = 64

/** The gossipsub topic of a wide channel. */
export function channelName(channel: number): string {
  return `${PUBLISH_SUBSCRIBE}/${channel}`
}

/** Enough for `company.region.site.device.metric.kind` many times over; bounds the walk of a pattern trie. */
export const MAX_TOPIC_TOKENS = 16
/** Characters (UTF-16 units) of a topic or pattern. A topic travels beside each message. */
export const MAX_TOPIC_LENGTH = 256
/** In UTF-8 a UTF-16 unit takes at most three bytes. */
export const MAX_TOPIC_BYTES = 3 * MAX_TOPIC_LENGTH

/** What a link writes at once, nearly: larger batches gained nothing over TCP + Noise + Yamux (measured) and hold up others. */
export const MAX_BATCH_BYTES = 65_536
/** As many as a link's batch has counted frames: a guess that only bounds what a reader makes of one. A message longer than a batch goes alone. */
export const MAX_BATCH_MESSAGES = 1_024
/** A message's place in the causal order: 64 dependencies, each with a topic and a PeerId, and room. */
export const MAX_STAMP_BYTES = 65_536
/** What is longer is never gossiped, only sent over links: redundancy would multiply it. */
export const MAX_GOSSIP_BYTES = 262_144

/** gossipsub's message id is the payload's first 16 bytes: random, so that nobody can claim an id before its owner. */
export const NONCE_BYTES = 16
/** A PeerId as text: 52 characters for Ed25519, 46 for RSA; room for others. */
export const MAX_PEER_BYTES = 128
export const MAX_SIGNATURE_BYTES = 1_024
/** Peers that one packet may ask for an acknowledgement. */
export const MAX_ASKED = 8
/** Packets that one repair may ask for. */
export const MAX_REPAIR = 64
/** Separates these signatures from every other use of the host's key. */
export const SIGNATURE_DOMAIN = 'phoenix-publish-subscribe-1:'

/** Frame kinds; framing keeps those below 0x10 for itself. Counted frames keep their order, the others may overtake them. */
export const FRAME = {
  /** A batch. Counted. */
  messages: 0x10,
  /** A token, then a batch of which an acknowledgement is asked. Counted. */
  asked: 0x11,
  /** A signed packet, as on a wide channel: for who cannot hear the channel, and as a repair. Counted. */
  packet: 0x12,
  /** Counted: it must not overtake what it follows. */
  sync: 0x13,
  /** Counted, likewise. */
  skip: 0x14,
  acknowledgement: 0x15,
  repair: 0x16,
  /** A numbered batch for at-least-once subscriptions. Counted. */
  numbered: 0x17,
  taken: 0x18,
  /** Reads a log. Not counted: it waits for no credit. */
  fetch: 0x19,
  /** Part of a log. Counted. */
  entries: 0x1a
} as const
