import { acknowledged } from './acknowledged.ts'
import { batching, lone } from './batching.ts'
import { bulk1MiB, bulk64KiB, control1MiB, control64KiB } from './bulk.ts'
import { causal } from './causal.ts'
import { causalTurns } from './causal-turns.ts'
import { consensus } from './consensus.ts'
import { matching, resolving } from './curves.ts'
import {
  deliveredBefore,
  durable,
  durableJetstream,
  exactlyOnce,
  exactlyOnceMqtt,
  loneDurable,
  recovery,
  storing
} from './durable.ts'
import { echoMedian, echoTail } from './echo.ts'
import { local } from './local.ts'
import { oneWay } from './one-way.ts'
import { lonePublish, publish } from './publish.ts'
import { requests } from './requests.ts'
import { spilling } from './spill.ts'
import type { Case } from './types.ts'

export const cases: readonly Case[] = [
  oneWay,
  acknowledged,
  requests,
  echoMedian,
  echoTail,
  batching,
  ...lone,
  bulk64KiB,
  bulk1MiB,
  control64KiB,
  control1MiB,
  publish,
  lonePublish,
  local,
  ...resolving,
  ...matching,
  causal,
  causalTurns,
  durable,
  loneDurable,
  storing,
  exactlyOnce,
  ...deliveredBefore,
  recovery,
  durableJetstream,
  exactlyOnceMqtt,
  ...spilling,
  ...consensus
]
