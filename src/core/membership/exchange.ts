import { MAX_DIGEST_ITEMS } from '../../../protocols/overlay/constants.ts'
import type { Delta, Digest, DigestItem } from '../../../protocols/overlay/messages.ts'
import { type Part, toDeltas } from './chunks.ts'
import { isLive, outranks, rankOf } from './claim.ts'
import type { Known } from './known.ts'
import type { View } from './view.ts'

/** All that we know, the live first: the dead are told only as far as a frame has room. */
export function digestOf(view: View, reply: boolean): Digest {
  const members = [...view.known.values()].sort((a, b) => Number(b.isLive) - Number(a.isLive))
  const items = [view.own, ...members].slice(0, MAX_DIGEST_ITEMS).map(toItem)
  return { kind: 'digest', reply, complete: true, closed: view.closed, items }
}

/** Asks about one member: after a gap in what came. */
export function digestAbout(view: View, member: Known): Digest {
  return { kind: 'digest', reply: false, complete: false, closed: view.closed, items: [toItem(member)] }
}

function toItem(member: Known): DigestItem {
  const { peer, incarnation, refutation, state, version, record } = member
  return { peer, incarnation, refutation, state, expires: record.expires, version }
}

/** What the sender of the digest lacks. Empty but present where it lacks nothing, for an answer is awaited. */
export function answer(view: View, digest: Digest): Delta[] {
  const theirs = new Map(digest.items.map((item) => [item.peer, item]))
  return toDeltas(lacking(view, digest, theirs), true)
}

function* lacking(view: View, digest: Digest, theirs: ReadonlyMap<string, DigestItem>): Generator<Part> {
  const own = compare(view.own, theirs.get(view.own.peer), digest, true)
  if (own !== undefined) yield own
  for (const member of view.known.values()) {
    const part = compare(member, theirs.get(member.peer), digest, false)
    if (part !== undefined) yield part
  }
}

function compare(member: Known, item: DigestItem | undefined, digest: Digest, own: boolean): Part | undefined {
  const whole: Part = { member, record: true, after: member.isLive ? 0 : undefined, accuser: undefined }
  if (item === undefined) {
    // The dead are not news to who never knew them; or nobody could ever forget one.
    if (!digest.complete || !member.isLive) return undefined
    // A full view may still prefer us to somebody, and then asks for the rest.
    if (digest.closed) return own ? { ...whole, after: undefined } : undefined
    return whole
  }
  if (item.incarnation > member.incarnation) return undefined
  if (item.incarnation < member.incarnation) return whole
  const theirsIsGone = !isLive(item.state) && !outranks(member, item)
  const part: Part = {
    member,
    record: member.record.expires > item.expires,
    after: member.isLive && !theirsIsGone && item.version < member.version ? item.version : undefined,
    accuser: undefined
  }
  return part.record || part.after !== undefined || outranks(member, item) ? part : undefined
}

/**
 * Two views with one hash are the same in what members say and in who is alive. The dead are left out: they are
 * forgotten here and there at different times, which is no difference worth a digest.
 */
export function hashOf(view: View): number {
  let sum = hashMember(view.own)
  for (const member of view.known.values()) if (member.isLive) sum = (sum + hashMember(member)) % HASHES
  return sum
}

/** Hashes have 52 bits, so that the sum of two is exact, and the sum of all the same in any order. */
const HASHES = 2 ** 52

function hashMember(member: Known): number {
  const { peer, incarnation, refutation, state, version, record } = member
  return hashText(`${peer} ${incarnation} ${record.expires} ${refutation} ${rankOf(state)} ${version}`)
}

/** Two FNV-1a hashes of 26 bits' worth each, as one integer: nobody gains by a collision but himself. */
function hashText(text: string): number {
  let low = 0x811c9dc5
  let high = 0x050c5d1f
  for (let i = 0; i < text.length; i++) {
    low = Math.imul(low ^ text.charCodeAt(i), 0x01000193)
    high = Math.imul(high ^ text.charCodeAt(i), 0x01000193) ^ (low >>> 15)
  }
  return (high >>> 6) * 2 ** 26 + (low >>> 6)
}
