import { measurePair } from '../harness/pair.ts'
import type { Measurement } from '../harness/types.ts'
import { type Case, job, p99 } from './types.ts'

const KIB = 1024
const MIB = 1024 * KIB

function bulk(name: string, bytes: number, messages: number): Case {
  const send = (contender: string) =>
    job({ contender, pattern: 'one-way', messages, bytes, inFlight: (4 * MIB) / bytes })
  return {
    name,
    unit: 'MB/s',
    measure: measurePair,
    value: ({ messages, seconds }: Measurement) => (messages * bytes) / seconds / 1e6,
    ours: send('ours'),
    against: [{ job: send('batched'), atLeast: 0.95 }, { job: send('plain') }, { job: send('tls') }]
  }
}

/** A control request on the connection that the bulk fills, against the same request on an idle one. */
function control(name: string, bytes: number): Case {
  const ask = (bytes: number) => job({ contender: 'ours', pattern: 'control', messages: 1_000, bytes })
  return {
    name,
    unit: 'µs p99',
    measure: measurePair,
    value: p99,
    ours: ask(bytes),
    against: [{ name: 'idle', job: ask(0), atMost: 5 }]
  }
}

export const bulk64KiB = bulk('bulk-64KiB', 64 * KIB, 3_000)
export const bulk1MiB = bulk('bulk-1MiB', MIB, 200)
export const control64KiB = control('control-64KiB', 64 * KIB)
export const control1MiB = control('control-1MiB', MIB)
