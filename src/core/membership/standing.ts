import type { Claim } from '../../../protocols/overlay/messages.ts'
import { isLive, outranks } from './claim.ts'
import { answered, hearsDirectly, STAGE } from './evidence.ts'
import type { Known } from './known.ts'
import { suspicionTimeout } from './suspicion.ts'
import type { View } from './view.ts'

/** Independent accusers, beyond the first, that make a suspicion as short as it gets (memberlist: multiplier 4, less 2). */
const CONFIRMATIONS = 2

/** Believes a claim that outranks what was believed. */
function believe(view: View, member: Known, claim: Claim, accuser: string): void {
  const wasLive = member.isLive
  const accusedByUs = member.suspicion?.accusers.has(view.own.peer) === true
  member.refutation = claim.refutation
  member.suspicion = undefined
  if (!isLive(claim.state)) {
    if (wasLive) view.remove(member, claim.state === 'left' ? 'left' : 'dead')
    member.state = claim.state
    return
  }
  member.state = claim.state
  if (claim.state === 'alive') answered(view, member, accusedByUs)
  if (!wasLive && !view.revive(member)) return
  if (claim.state === 'suspect') {
    member.suspicion = { since: view.steady, accusers: new Set([accuser]) }
    view.emit({ kind: 'member-suspect', member })
  }
}

/** Another's word on a member. */
export function hear(view: View, member: Known, claim: Claim, accuser: string | undefined, from: string): void {
  if (claim.state === 'suspect') confirm(view, member, claim, accuser ?? from, from)
  if (!outranks(claim, member)) return
  // A death that we know to be none is a mere suspicion, one that the accused can answer. Its own farewell is not.
  const doubted = !isLive(claim.state) && from !== member.peer && hearsDirectly(view, member)
  const believed: Claim = doubted ? { ...claim, state: 'suspect' } : claim
  if (!outranks(believed, member)) return
  believe(view, member, believed, accuser ?? from)
  view.tell(member.peer, { from, accuser })
}

function confirm(view: View, member: Known, claim: Claim, accuser: string, from: string): void {
  const { suspicion } = member
  if (suspicion === undefined || claim.refutation !== member.refutation) return
  if (suspicion.accusers.has(accuser) || suspicion.accusers.size > CONFIRMATIONS) return
  suspicion.accusers.add(accuser)
  view.tell(member.peer, { from, accuser })
}

/** Our own word: the first accuses, a later one confirms as long as that makes a difference. */
export function accuse(view: View, member: Known): void {
  const { suspicion } = member
  const own = view.own.peer
  if (suspicion !== undefined) {
    if (suspicion.accusers.has(own) || suspicion.accusers.size > CONFIRMATIONS) return
    suspicion.accusers.add(own)
  } else {
    believe(view, member, { incarnation: member.incarnation, refutation: member.refutation, state: 'suspect' }, own)
  }
  view.tell(member.peer, { from: own, accuser: own, everybody: true })
}

/** A suspicion that nobody answered in time ends in death; one against a member that we hear ourselves is put again. */
export function judge(view: View, member: Known): void {
  const { suspicion } = member
  if (suspicion === undefined) return
  const unit = view.options.failureTimeout
  const expected = Math.min(CONFIRMATIONS, view.live - 1)
  const wait = suspicionTimeout(suspicion.accusers.size - 1, expected, STAGE.shortest * unit, STAGE.longest * unit)
  if (view.steady - suspicion.since < wait) return
  if (hearsDirectly(view, member)) suspicion.since = view.steady
  else {
    const { incarnation, refutation } = member
    believe(view, member, { incarnation, refutation, state: 'dead' }, view.own.peer)
    if (view.contacts.has(member.peer)) view.sink.push({ kind: 'hang-up', peer: member.peer })
  }
  view.tell(member.peer, { from: view.own.peer, accuser: view.own.peer })
}
