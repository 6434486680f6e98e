import type { Claim, OverlayRecord, SignedRecord, Standing } from '../../../protocols/overlay/messages.ts'
import { isLive } from './claim.ts'
import { EntryLog } from './log.ts'
import type { Entry, Member } from './types.ts'

/** A member under suspicion. */
export interface Suspicion {
  /** Steady ms. */
  since: number
  accusers: Set<string>
}

/** A whole log on its way: until its last chunk the version does not move, so a broken transfer starts anew. */
export interface Refill {
  keys: Set<string>
  reached: number
}

/** A member as this node knows it. The log is empty unless the member is alive or suspect. */
export class Known implements Member, Claim {
  signed: SignedRecord
  refutation: number
  state: Standing
  version = 0
  log = new EntryLog()
  suspicion: Suspicion | undefined
  refill: Refill | undefined
  /** Steady ms of the last sign of life that did not come over our own connection. */
  evidenceAt = 0
  /** Steady ms of the last request to others to probe it. */
  probedAt = Number.NEGATIVE_INFINITY
  /** The last request to others to probe it, since the watch began. */
  probe: number | undefined
  /** Steady ms when we last asked for what we missed of it. */
  askedAt = Number.NEGATIVE_INFINITY
  /** True while its silence counts though we are not connected: somebody has to look after it. */
  watched = false
  /** It was watched once, so it is no newcomer. */
  settled = false
  /** Monotonic ms when it was first heard of, in this life. */
  readonly since: number
  /** Monotonic ms when it died or left. */
  downAt = 0

  constructor(signed: SignedRecord, claim: Pick<Claim, 'refutation' | 'state'>, now: number) {
    this.signed = signed
    this.refutation = claim.refutation
    this.state = claim.state
    this.since = now
  }

  /** Takes the entries away, and returns the member as it was with them. */
  clear(): Member {
    const { record, state, version, entries } = this
    this.log = new EntryLog()
    this.version = 0
    this.suspicion = undefined
    this.refill = undefined
    this.watched = false
    return { record, state: isLive(state) ? 'dead' : state, version, entries }
  }

  get peer(): string {
    return this.signed.record.peer
  }

  get record(): OverlayRecord {
    return this.signed.record
  }

  get incarnation(): number {
    return this.signed.record.incarnation
  }

  get entries(): ReadonlyMap<string, Entry> {
    return this.log.live
  }

  get isLive(): boolean {
    return isLive(this.state)
  }
}
