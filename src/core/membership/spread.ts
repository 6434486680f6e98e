import type { Ack, Delta, Digest, OverlayMessage } from '../../../protocols/overlay/messages.ts'
import { applyItem } from './apply.ts'
import { type Part, toDeltas } from './chunks.ts'
import type { Contact } from './contact.ts'
import { answer, digestOf, hashOf } from './exchange.ts'
import type { News, View } from './view.ts'

/** What leaves at the end of a turn: our own changes to everybody connected, what we learnt to a few. */
export function spread(view: View): void {
  view.flushed()
  pushOwn(view)
  const all: Part[] = []
  const some: Part[] = []
  const sources = new Set<string | undefined>()
  for (const [peer, news] of view.news) {
    const member = peer === view.own.peer ? view.own : view.known.get(peer)
    if (member === undefined) continue
    const part: Part = { member, record: news.record, after: news.after, accuser: news.accuser }
    ;(news.everybody ? all : some).push(part)
    if (!news.everybody) sources.add(news.from)
    if (member.state === 'suspect') tellAccused(view, part, news)
  }
  view.news.clear()
  const synced = (contact: Contact) => contact.synced
  const source = sources.size === 1 ? [...sources][0] : undefined
  sendAll(view, [...view.contacts.values()].filter(synced), toDeltas(all, false))
  if (some.length > 0) {
    const few = view.pick(view.options.fanout, (contact) => contact.synced && contact.peer !== source)
    sendAll(view, few, toDeltas(some, false))
  }
}

/** The accused must hear of it, or it could not answer. */
function tellAccused(view: View, part: Part, news: News): void {
  const contact = view.contacts.get(part.member.peer)
  if (contact !== undefined && !news.everybody)
    sendAll(view, [contact], toDeltas([{ ...part, after: undefined }], false))
}

/** Contacts that know the same of us get the same bytes. */
function pushOwn(view: View): void {
  const { own } = view
  const groups = new Map<string, Contact[]>()
  for (const contact of view.contacts.values()) {
    if (!contact.synced || contact.declined) continue
    if (contact.sent >= own.version && contact.sentRecord >= own.record.expires) continue
    const key = `${contact.sent} ${needsRecord(view, contact)}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [contact])
    else group.push(contact)
  }
  for (const group of groups.values()) {
    const first = group[0]!
    const part: Part = { member: own, record: needsRecord(view, first), after: first.sent, accuser: undefined }
    sendAll(view, group, toDeltas([part], false))
    for (const contact of group) sentOwn(view, contact)
  }
}

function needsRecord(view: View, contact: Contact): boolean {
  return contact.acked === 0 || contact.sentRecord < view.own.record.expires
}

function sentOwn(view: View, contact: Contact): void {
  contact.sent = view.own.version
  contact.sentRecord = view.own.record.expires
  contact.sentAt = view.steady
}

function sendAll(view: View, contacts: readonly Contact[], messages: readonly OverlayMessage[]): void {
  if (contacts.length === 0) return
  const to = contacts.map((contact) => contact.peer)
  for (const message of messages) view.sink.push({ kind: 'send', to, message })
}

export function askFor(view: View, contact: Contact, reply: boolean): void {
  contact.askedAt = view.steady
  view.sink.push({ kind: 'send', to: [contact.peer], message: digestOf(view, reply) })
}

export function onSummary(view: View, contact: Contact, hash: number): void {
  if (hash !== hashOf(view)) askFor(view, contact, true)
}

export function onDigest(view: View, contact: Contact, digest: Digest): void {
  const aboutUs = digest.items.find((item) => item.peer === view.own.peer)
  if (digest.complete || aboutUs !== undefined) {
    contact.declined = aboutUs === undefined && digest.closed
    contact.acked = aboutUs === undefined ? 0 : believable(view, aboutUs)
    contact.synced = true
    sentOwn(view, contact)
    view.sink.push({ kind: 'progress' })
  }
  sendAll(view, [contact], answer(view, digest))
  if (digest.reply) askFor(view, contact, false)
}

export function onDelta(view: View, contact: Contact, delta: Delta): void {
  for (const item of delta.items) applyItem(view, item, contact.peer)
  if (delta.last && !contact.received) {
    contact.received = true
    view.sink.push({ kind: 'progress' })
  }
  if (!delta.last && !delta.items.some((item) => item.peer === contact.peer)) return
  const member = view.known.get(contact.peer)
  const message: Ack = {
    kind: 'ack',
    incarnation: member?.incarnation ?? 0,
    version: member?.version ?? 0,
    held: member !== undefined || !view.closed,
    last: delta.last
  }
  view.sink.push({ kind: 'send', to: [contact.peer], message })
}

export function onAck(view: View, contact: Contact, ack: Ack): void {
  contact.acked = believable(view, ack)
  contact.declined = !ack.held
  if (ack.last) contact.confirmed = true
  // It took us in on our record alone: now it wants the rest.
  if (ack.last && ack.held && contact.acked < contact.sent) {
    contact.sent = contact.acked
    view.flush()
  }
  view.sink.push({ kind: 'progress' })
}

/** How far a peer knows us, by its own word: of this life, and of nothing that we have not said. */
function believable({ own }: View, word: { incarnation: number; version: number }): number {
  return word.incarnation === own.incarnation ? Math.min(word.version, own.version) : 0
}
