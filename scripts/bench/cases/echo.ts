import { measurePair } from '../harness/pair.ts'
import { type Case, job, p50, p99 } from './types.ts'

/** Warmed up until both have stopped getting faster: the first 10,000 measure the compiler. */
const ask = (contender: string) => job({ contender, pattern: 'requests', messages: 20_000, warmUp: 15_000 })

const echo: Omit<Case, 'name' | 'value' | 'against'> = { unit: 'µs', measure: measurePair, ours: ask('ours') }

/** One request at a time. */
export const echoMedian: Case = { ...echo, name: 'echo-p50', value: p50, against: [{ job: ask('plain'), atMost: 1.2 }] }
export const echoTail: Case = { ...echo, name: 'echo-p99', value: p99, against: [{ job: ask('plain') }] }
