import { atLeastOnce } from './at-least-once.ts'
import { atMostOnce } from './at-most-once.ts'
import { publishSubscribe } from './publish-subscribe.ts'
import { requestResponse } from './request-response.ts'
import type { Scenario } from './types.ts'

export const scenarios: readonly Scenario[] = [atLeastOnce, atMostOnce, requestResponse, publishSubscribe]
