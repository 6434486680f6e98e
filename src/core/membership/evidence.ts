import type { Known } from './known.ts'
import type { View } from './view.ts'

/**
 * The stages of a silence, as fractions of the failure timeout: others are asked to probe, the member is suspected,
 * and the suspicion lasts from `SHORTEST` to `LONGEST`. `SUSPECT + LONGEST` and one tick stay below 1.
 */
export const STAGE = { probe: 0.35, suspect: 0.55, shortest: 0.3, longest: 0.4 } as const

/** Between two pings of an idle member, ms. */
export function pingInterval(view: View): number {
  return view.options.failureTimeout / 5
}

/** For how long nobody has heard of the member, as far as we know; 0 where it is not for us to watch it. */
export function silence(view: View, member: Known): number {
  const contact = view.contacts.get(member.peer)
  if (contact === undefined) return member.watched ? view.steady - member.evidenceAt : 0
  return view.steady - Math.max(contact.heardAt, member.evidenceAt)
}

/** None of our contacts was heard lately. */
export function deserted(view: View): boolean {
  const lately = view.steady - STAGE.probe * view.options.failureTimeout
  for (const contact of view.contacts.values()) if (contact.heardAt > lately) return false
  return true
}

/** True while its own frames reach us: then nobody else's word on its death counts more. */
export function hearsDirectly(view: View, member: Known): boolean {
  const contact = view.contacts.get(member.peer)
  return contact !== undefined && view.steady - contact.heardAt < STAGE.probe * view.options.failureTimeout
}

/** True while it tells us its changes itself: views were exchanged over our own connection, and frames of its reach us. */
export function speaksForItself(view: View, member: Known): boolean {
  return view.contacts.get(member.peer)?.received === true && hearsDirectly(view, member)
}

/**
 * Starts to count the silence of a member that we are not connected with, from where others are asked to probe it.
 *
 * Invariant: whoever loses a connection watches until somebody who is connected is known to watch instead. Only the
 * answer to a request made after the loss says so: its sender was connected later than we were, so of all who lose a
 * member the last has nobody to leave it to. Any other sign of life is evidence, and relieves nobody: it may be older
 * than the member's death.
 */
export function watch(view: View, member: Known): void {
  if (member.watched || !member.isLive) return
  member.watched = true
  member.settled = true
  member.probe = undefined
  member.probedAt = Number.NEGATIVE_INFINITY
  member.evidenceAt = view.steady - STAGE.probe * view.options.failureTimeout
}

/** We are connected with it. */
export function met(view: View, member: Known): void {
  member.evidenceAt = view.steady
  member.watched = false
}

/** Somebody reached the member for us. `probe`: the request that was answered. */
export function vouched(view: View, member: Known, probe: number): void {
  member.evidenceAt = view.steady
  if (member.probe === probe) member.watched = false
}

/**
 * The member answered an accusation. In a mesh too large to be full its answer to our own ends the watch: whom we could
 * ask would seldom know it, and we would accuse it for ever.
 */
export function answered(view: View, member: Known, accusedByUs: boolean): void {
  member.evidenceAt = view.steady
  if (accusedByUs && view.live >= view.options.fullMeshLimit) member.watched = false
}
