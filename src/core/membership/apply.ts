import { MAX_REFUTATION } from '../../../protocols/overlay/constants.ts'
import type { DeltaEntry, DeltaItem } from '../../../protocols/overlay/messages.ts'
import { isLive, outranks } from './claim.ts'
import { speaksForItself } from './evidence.ts'
import { digestAbout } from './exchange.ts'
import type { Known } from './known.ts'
import { hear } from './standing.ts'
import type { View } from './view.ts'

/** Takes in what `from` says of one member. */
export function applyItem(view: View, item: DeltaItem, from: string): void {
  if (item.peer === view.own.peer) {
    applyToOurselves(view, item)
    return
  }
  const member = memberFor(view, item, from)
  if (member === undefined || item.incarnation !== member.incarnation) return
  if (item.record !== undefined && item.record.record.expires > member.record.expires) {
    member.signed = item.record
    view.learn(member)
    view.tell(member.peer, { from, record: true })
  }
  hear(view, member, item, item.accuser, from)
  if (!member.isLive || item.to <= member.version) return
  // Entries are not signed. Of whom we hear ourselves another's word is a hint to ask, or it could outbid the owner's for good.
  if (from !== member.peer && speaksForItself(view, member)) ask(view, member, member.peer)
  else applyEntries(view, member, item, from)
}

/** The member whose life the item is about, taken in or replaced where its record proves that there is one. */
function memberFor(view: View, item: DeltaItem, from: string): Known | undefined {
  const known = view.known.get(item.peer)
  if (known !== undefined && item.incarnation <= known.incarnation) return known
  if (item.record === undefined) return undefined
  if (known === undefined && !isLive(item.state)) return undefined
  if (known !== undefined) {
    view.remove(known, 'replaced')
    view.known.delete(known.peer)
  }
  const { incarnation, refutation } = item
  const member = view.admit(item.record, { incarnation, refutation, state: 'alive' })
  if (member !== undefined) view.tell(member.peer, { from, record: true })
  return member
}

/**
 * What others believe of us. A former life with a higher incarnation (its clock was ahead, and our own signature
 * proves it) makes us begin a new one above it; an accusation we refute.
 */
function applyToOurselves(view: View, item: DeltaItem): void {
  const { own } = view
  if (item.incarnation > own.incarnation) {
    if (item.record !== undefined) view.sink.push({ kind: 'sign', incarnation: item.incarnation + 1 })
    return
  }
  if (view.leaving || item.state === 'alive' || !outranks(item, own)) return
  if (item.refutation >= MAX_REFUTATION) {
    view.sink.push({ kind: 'sign', incarnation: own.incarnation + 1 })
    return
  }
  own.refutation = item.refutation + 1
  view.tell(own.peer, { everybody: true })
}

function applyEntries(view: View, member: Known, item: DeltaItem, from: string): void {
  const after = member.version
  const { log } = member
  if (item.full && item.from === 0) member.refill = { keys: new Set(), reached: 0 }
  const reached = item.full ? (member.refill?.reached ?? -1) : member.version
  if (item.from > reached) {
    ask(view, member, from)
    return
  }
  for (const entry of item.entries) {
    member.refill?.keys.add(entry.key)
    applyEntry(view, member, entry)
  }
  log.floor = Math.max(log.floor, item.floor)
  if (!item.full) member.version = item.to
  else if (item.done) finishRefill(view, member, item.to)
  else member.refill!.reached = item.to
  if (view.partial || view.live >= view.options.fullMeshLimit) view.tell(member.peer, { from, after })
}

function applyEntry(view: View, member: Known, entry: DeltaEntry): void {
  const { log } = member
  const { maxEntries, maxEntryBytes } = view.options
  if (entry.value !== undefined && !log.fits(entry, maxEntries, maxEntryBytes)) {
    view.partial = true
    // What the key had before does not hold any longer.
    const known = log.live.get(entry.key)
    if (known !== undefined && known.version < entry.version) applyEntry(view, member, { ...entry, value: undefined })
    return
  }
  const put = log.put(entry, view.now)
  if (put === undefined) return
  // A tombstone for what was never seen here is no change.
  if (entry.value !== undefined || put.before !== undefined) {
    view.emit({ kind: 'entry', member, entry, before: put.before })
  }
}

/** Every chunk has come: what none of them named was deleted, and its tombstone forgotten, while we were away. */
function finishRefill(view: View, member: Known, version: number): void {
  const keys = member.refill!.keys
  member.refill = undefined
  member.version = version
  for (const [key, before] of member.log.live) {
    if (keys.has(key)) continue
    member.log.drop(key)
    view.emit({ kind: 'entry', member, entry: { key, value: undefined, version: before.version }, before })
  }
}

/** Something between what we know and what came is missing. Asked for once, not once a chunk. */
function ask(view: View, member: Known, from: string): void {
  if (view.steady - member.askedAt < view.options.exchangeInterval / 4) return
  member.askedAt = view.steady
  view.sink.push({ kind: 'send', to: [from], message: digestAbout(view, member) })
}
