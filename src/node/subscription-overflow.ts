import type { Message } from '../../protocols/envelope/message.ts'
import { sourceOf } from '../agent/source.ts'
import { Templates } from '../agent/templates.ts'
import type { Counters } from '../core/flow/counters.ts'
import type { Clock } from '../runtime/ports.ts'
import type { RedirectTarget, SubscriptionOverflow } from '../runtime/pubsub/types.ts'
import type { SpillFolders } from '../runtime/storage/spill-folders.ts'
import type { AtMostOnce } from './at-most-once.ts'
import type { Limits } from './config.ts'
import { noDataDir } from './mailboxes.ts'
import type { SendParticulars } from './sending.ts'

export interface SubscriptionOverflowParts {
  self: string
  lineage: string
  limits: Limits
  clock: Clock
  counters: Counters
  /** Undefined where there is no data folder. */
  spills: () => SpillFolders | undefined
  knows: (agent: string) => boolean
  atMostOnce: Pick<AtMostOnce, 'post'>
}

/** Agents whose templates are kept. A guess. */
const KEPT = 1_024

/** Where a node's subscriptions get rid of what finds no room: its disk, and its agents. */
export function subscriptionOverflow(parts: SubscriptionOverflowParts): SubscriptionOverflow {
  const { self, lineage, limits, clock, counters, spills, knows, atMostOnce } = parts
  const templates = new Map<string, Templates>()
  const templatesOf = (owner: string): Templates => {
    let own = templates.get(owner)
    if (own === undefined) {
      if (templates.size >= KEPT) templates.clear()
      own = new Templates(sourceOf(self, owner), lineage, 'point-to-point', limits)
      templates.set(owner, own)
    }
    return own
  }
  const redirect = (owner: string, topic: string, message: Message, to: RedirectTarget): boolean => {
    const target: Exclude<RedirectTarget, string> = typeof to === 'string' ? { name: to } : to
    if (!knows(target.name)) return false
    const template = templatesOf(owner).for(target, { type: message.type, subject: topic, delivery: 'at-most-once' })
    atMostOnce.post(template, message.data, continued(message, template.peer, clock.now())).catch(() => {
      counters.subscriptionsDropped++
    })
    counters.redirected++
    return true
  }
  return {
    redirect,
    openSpill: (owner, pattern, host) => {
      const folders = spills()
      if (folders === undefined) throw noDataDir()
      return folders.open(['subscription', owner, pattern], host)
    },
    closeSpill: (queue, discard) => spills()?.close(queue, discard),
    dropped: (messages) => {
      counters.subscriptionsDropped += messages
    },
    spilled: () => {
      counters.spilled++
    }
  }
}

/** What follows from the publication goes where it was told to, in its trace, and is worth nothing beyond its time. */
function continued({ trace, qos }: Message, peer: string | undefined, now: number): SendParticulars {
  const deadline = qos?.deadline
  return {
    ...{ id: undefined, parent: trace, key: undefined, timeout: undefined, signal: undefined },
    wish: peer === undefined ? undefined : { peer },
    extra: deadline === undefined ? undefined : { deadline },
    ttl: deadline === undefined ? undefined : Math.max(0, deadline - now)
  }
}
