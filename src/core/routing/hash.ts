/**
 * Rendezvous hashing (Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998) needs a hash that
 * is the same on every node and mixes well; it guards nothing, so it need not be cryptographic.
 */

/** FNV-1a over UTF-16 code units, 32 bits. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

/** The hash of one instance on one node: the same on every node, its own included. */
export function memberHash(peer: string, instance: string): number {
  return hashText(`${peer}/${instance}`)
}

/** How much `member` wants `key`: the member with the highest score owns it. `key` is a result of `hashText`, `member` one of `memberHash`. */
export function affinity(key: number, member: number): number {
  return mix(key ^ Math.imul(member, 0x9e3779b1))
}

/** The finalizer of MurmurHash3: every input bit reaches every output bit. */
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
