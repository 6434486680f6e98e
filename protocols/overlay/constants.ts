/** Runs on a link of the control lane: it must pass bulk transfers, or a busy mesh would look like a dead one. */
export const OVERLAY_PROTOCOL = '/phoenix/overlay/1.0.0'

/** Frame kinds on the link, from framing's first one for protocols. A number once given is never given again. */
export const KIND = {
  digest: 0x10,
  summary: 0x11,
  delta: 0x12,
  ack: 0x13,
  ping: 0x14,
  pong: 0x15,
  pingRequest: 0x16,
  pingResponse: 0x17
} as const

/** Bytes of one frame's body: what a link's batch holds, so that a long delta never holds up a ping by more than one batch. */
export const MAX_FRAME_BYTES = 64 * 1024
/** Bytes that a sender fills a frame with; the rest is room for what an estimate misses. */
export const CHUNK_BYTES = 60 * 1024
/** Members in one digest: 80 bytes each is what fits a frame. */
export const MAX_DIGEST_ITEMS = 768
/** Members in one delta. */
export const MAX_DELTA_ITEMS = 768
/** Entries of one member in one delta: the smallest takes 6 bytes. */
export const MAX_DELTA_ENTRIES = 8_192

/** Bytes of a PeerId as text: an Ed25519 one has 52, an RSA one 46; twice that is room for a newer kind of key. */
export const MAX_PEER_BYTES = 128
/** Bytes of an entry's key: an agent's name (255) and instance under a prefix. */
export const MAX_KEY_BYTES = 512
/** Bytes of an entry's value in MessagePack: a subscription with its filter's description fits; data does not belong here. */
export const MAX_VALUE_BYTES = 16 * 1024
/** Bytes of `name`, `region` and `zone`, each. */
export const MAX_LABEL_BYTES = 256
/** Addresses in a record; more than that is a host with a misconfigured listener. */
export const MAX_ADDRESSES = 16
/** Bytes of one multiaddr as text: a relayed one with two PeerIds has about 150. */
export const MAX_ADDRESS_BYTES = 512
/** Bytes of a signed record: every field at its limit. */
export const MAX_RECORD_BYTES = 10 * 1024
/** Bytes of a signature: RSA-4096 has 512. */
export const MAX_SIGNATURE_BYTES = 1_024
/** Nesting of a value: what a hostile one could do to a recursive reader. */
export const MAX_DEPTH = 16
/** The highest refutation number; a member that reaches it begins a new incarnation. */
export const MAX_REFUTATION = 2 ** 31

/** Put before the record's bytes when they are signed, so that the signature is good for nothing else. */
export const RECORD_SIGNATURE_DOMAIN = 'phoenix-member-record:1:'
