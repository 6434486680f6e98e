import type { PeerInterest } from './interest.ts'

/** How a topic's messages leave this node. */
export interface Route {
  wide: boolean
  channel: number
  /** Every node that wants the topic. */
  interested: readonly PeerInterest[]
  /** Who gets it over a link: everybody on the direct path; on the wide one those whom the channel does not serve. */
  linked: Targets
  /** Who hears it on the channel. Empty on the direct path. */
  gossiped: readonly string[]
  subscribers: number
}

/** A set of peers; equal sets are one object, so that batches are kept apart by identity. */
export interface Targets {
  readonly peers: readonly string[]
}

export interface RouteLimits {
  /** Nodes that one topic is sent to over links, one copy each. */
  directFanout: number
  /** A topic returns to links only below this share of `directFanout`, so that one subscriber's coming and going moves nothing. */
  calm: number
}

/**
 * Links while few nodes want the topic: one copy each, flow-controlled, nothing redundant. The channel as soon as it would
 * serve more than `directFanout` of them, or when the view is partial and there may be nodes that we do not know.
 */
export function chooseRoute(
  interested: readonly PeerInterest[],
  channel: number,
  before: boolean,
  partial: boolean,
  limits: RouteLimits,
  intern: (peers: string[]) => Targets
): Route {
  const served = interested.filter((peer) => !peer.linked && peer.channels.has(channel))
  const bound = before ? limits.directFanout * limits.calm : limits.directFanout
  const wide = partial || served.length > bound
  const linked = wide ? interested.filter((peer) => peer.linked || !peer.channels.has(channel)) : interested
  return {
    wide,
    channel,
    interested,
    linked: intern(linked.map((peer) => peer.peer)),
    gossiped: wide ? served.map((peer) => peer.peer) : [],
    subscribers: interested.reduce((total, peer) => total + peer.subscribers, 0)
  }
}
