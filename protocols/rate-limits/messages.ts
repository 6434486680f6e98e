/** What the nodes that share a rate limit say to each other, as plain types. Stamps are their writer's own clock and come back as they were. */

/** The owner of a limit asks for the receiver's part of it. */
export interface Call {
  kind: 'call'
  id: string
  /** Whole monotonic ms of the owner when it called. */
  stamp: number
}

/** The part is the owner's until a term after `stamp`; who pledges gives it to nobody else meanwhile. */
export interface Pledge {
  kind: 'pledge'
  id: string
  stamp: number
  /** Nodes that share the limit, as far as the sender knows, itself included: its part is one of so many. */
  sharers: number
  /** Nobody ever drew on this part: it comes with its share of the capacity. */
  fresh: boolean
}

/** Asks for tokens. A later ask for the same key replaces an earlier one that is not answered. */
export interface Ask {
  kind: 'ask'
  id: string
  key: string
  /** Whole monotonic ms of the asker when it asked. */
  stamp: number
  /** Tokens that each waiting request needs, the first first; none takes back what was asked before, without an answer. */
  needs: readonly number[]
  /** Tokens that it will need soon: given only where nobody waits for them. */
  ahead: number
  /** Answer once the first need can be met; else answer now. */
  patient: boolean
}

/** Tokens, to be spent until a term after `stamp`. */
export interface Grant {
  kind: 'grant'
  id: string
  key: string
  stamp: number
  tokens: number
  /** Whole tokens that the owner has left. */
  remaining: number
}

export type RateMessage = Call | Pledge | Ask | Grant

/** What a node announces of a limit that it shares. */
export interface RateEntry {
  capacity: number
  refillRate: number
  burst: number
  /** It has pledged its part once: the limit is not new. */
  used: boolean
}
