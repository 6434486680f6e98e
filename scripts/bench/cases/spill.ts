import { HEAP_HELD } from '../harness/heap.ts'
import { measurePair } from '../harness/pair.ts'
import type { Pattern } from '../harness/types.ts'
import { type Case, job } from './types.ts'

const KIB = 1024
const GIB = 1024 ** 3

/** A gibibyte for somebody who reads nothing meanwhile: what of it is in memory. Then it is read back, in order. */
function spill(pattern: Pattern): Case {
  return {
    name: `${pattern}-1GiB`,
    unit: 'MB of heap',
    measure: measurePair,
    value: ({ extra }) => extra![HEAP_HELD]!,
    ours: job({ contender: 'ours', pattern, messages: GIB / KIB, bytes: KIB, warmUp: 50_000, inFlight: 1024 }),
    against: [{ name: 'limit', limit: 64, atMost: 1 }]
  }
}

/** In an agent's mailbox, and in a subscription. */
export const spilling = [spill('spill'), spill('spill-topic')]
