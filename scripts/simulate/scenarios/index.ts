import { atLeastOnce } from './at-least-once.ts'
import { atMostOnce } from './at-most-once.ts'
import { causal } from './causal.ts'
import { consensus } from './consensus/consensus.ts'
import { determinism } from './determinism.ts'
import { durable } from './durable.ts'
import { durableSubscriptions } from './durable-subscriptions.ts'
import { exactlyOnce } from './exactly-once.ts'
import { flow } from './flow.ts'
import { keyOrder } from './key-order.ts'
import { membership } from './membership.ts'
import { pipeline } from './pipeline.ts'
import { publishSubscribe } from './publish-subscribe.ts'
import { raft } from './raft/raft.ts'
import { rateLimits } from './rate-limits.ts'
import { requestResponse } from './request-response.ts'
import { totalOrder } from './total-order/total-order.ts'
import type { Scenario } from './types.ts'

const claims: readonly Scenario[] = [
  atLeastOnce,
  atMostOnce,
  durable,
  exactlyOnce,
  keyOrder,
  causal,
  requestResponse,
  publishSubscribe,
  durableSubscriptions,
  membership,
  pipeline,
  flow,
  rateLimits,
  totalOrder,
  raft,
  consensus
]

export const scenarios: readonly Scenario[] = [...claims, determinism(claims)]
