import { DestinationKind, MAX_ENTRIES } from '../../../protocols/causality/constants.ts'
import type { Sink } from '../machine.ts'
import type { Destination, Entry } from './destination.ts'
import type { Sending } from './sending.ts'
import type { CausalEffect } from './types.ts'

/**
 * ms for which an entry waits for news by itself, and between two questions about it: while little is held, and while half
 * of what a message may carry is. A guess: an entry costs a few bytes, a question two frames; at 10 ms for all, asking ten
 * hosts cost a fifth of one-way throughput (measured).
 */
const CALM = 100
const BUSY = 10
/** ms after which a question is asked again. A guess. */
const AGAIN = 1_000

/**
 * Asks whether what this host holds was handed out, so that it need not be told any longer (Kshemkalyani and Singhal 1998:
 * a dependency may go once it is known to be delivered, or to be said by a later message to the same place). Of messages to
 * a host that host is asked, of publications their publisher, who asks those it sent them to. What is
 * acknowledged anyway is hardly ever asked for.
 */
export function askForConfirmation(
  sending: Sending,
  retained: (peer: string) => boolean,
  now: number,
  sink: Sink<CausalEffect<never>>
): void {
  const { past, full } = sending
  const patience = full ? 0 : past.entries.length > MAX_ENTRIES / 2 ? BUSY : CALM
  for (let i = past.entries.length - 1; i >= 0; i--) {
    const entry = past.entries[i]!
    if (now - entry.since < patience) continue
    if (entry !== entry.target.own) askOthers(entry, patience, now, sink)
    else if (entry.kind === DestinationKind.host) askReceiver(sending, entry.target, entry.number, patience, now, sink)
    else if (handedOut(sending, entry, entry.number, retained, now)) past.drop(entry, true)
    else if (entry.kind === DestinationKind.topic) {
      for (const receiver of entry.receivers) askReceiver(sending, receiver, entry.number, patience, now, sink)
    }
  }
}

function askOthers(entry: Entry, patience: number, now: number, sink: Sink<CausalEffect<never>>): void {
  const { producer, epoch, number, asked, answered, askedAt, kind, destination } = entry
  // What was asked first is answered first: a later number may wait for that.
  if (now - askedAt < (asked > answered ? AGAIN : patience)) return
  entry.asked = number
  entry.askedAt = now
  const peer = kind === DestinationKind.host ? destination : producer
  sink.push({ kind: 'ask', peer, statement: { producer, epoch, number } })
}

/**
 * Whether our publications to the topic up to `number` were handed out wherever they go: over links their receivers say so,
 * on a wide channel their time must have passed, and a stream for at-least-once subscriptions knows what was taken.
 */
export function handedOut(
  sending: Sending,
  { kind, receivers, number: last }: Entry,
  number: number,
  retained: (peer: string) => boolean,
  now: number
): boolean {
  if (kind === DestinationKind.wide) return Math.min(number, last) <= sending.expired(now)
  if (kind === DestinationKind.assured) return !receivers.some(({ name }) => retained(name))
  return receivers.every(({ confirmed }) => confirmed >= Math.min(number, last))
}

function askReceiver(
  { self, epoch }: Sending,
  receiver: Destination,
  number: number,
  patience: number,
  now: number,
  sink: Sink<CausalEffect<never>>
): void {
  const { asked, askedAt, confirmed } = receiver
  if (confirmed >= number || now - askedAt < (asked > confirmed ? AGAIN : patience)) return
  receiver.asked = number
  receiver.askedAt = now
  sink.push({ kind: 'ask', peer: receiver.name, statement: { producer: self, epoch, number } })
}
