import { lackedBy } from '../baselines/broker.ts'
import { measurePair } from '../harness/pair.ts'
import { measureSolo } from '../harness/solo.ts'
import type { Job, Measurement } from '../harness/types.ts'
import { type Case, job, p50, rate } from './types.ts'

const IN_FLIGHT = 256
/** Some seconds of each: shorter runs, ours and the brokers' clients alike, are over before they are compiled, and a disk's first writes are its fastest. */
const LONG = 250_000

/** The baseline needs one process, ours two. */
const measure = (it: Job): Promise<Measurement> => (it.contender === 'ours' ? measurePair(it) : measureSolo(it))

const file = (group: number, messages: number) =>
  job({ contender: 'fdatasync', pattern: 'store', messages, inFlight: group })
const send = (pattern: 'durable' | 'exactly-once', messages: number, warmUp = messages / 5) =>
  job({ contender: 'ours', pattern, messages, warmUp, inFlight: IN_FLIGHT })

const grouped = { name: 'fdatasync-64', job: file(64, LONG) }
const single = { name: 'fdatasync-1', job: file(1, 1_000) }

/** On disk at the sender while it is on its way, and at the receiver before it is acknowledged; timed until that came back. */
export const durable: Case = {
  name: 'durable',
  unit: 'messages/s',
  measure,
  value: rate,
  ours: send('durable', LONG),
  against: [
    { ...grouped, atLeast: 0.3 },
    { ...single, atLeast: 10 }
  ]
}

/** At least once, against JetStream's acknowledgement that it has stored the message, which no fdatasync precedes. */
export const durableJetstream: Case = {
  ...durable,
  name: 'durable-jetstream',
  lacks: lackedBy('nats-server'),
  against: [
    { job: job({ contender: 'jetstream', pattern: 'durable', messages: LONG, inFlight: IN_FLIGHT }), atLeast: 4 }
  ]
}

/** One at a time. */
export const loneDurable: Case = {
  name: 'durable-lone',
  unit: 'µs p50',
  measure,
  value: p50,
  ours: job({ contender: 'ours', pattern: 'lone-durable', messages: 1_000 }),
  against: [{ ...single, atMost: 4 }]
}

/** The sender's half alone: until it is stored, for an agent that nobody knows. */
export const storing: Case = {
  name: 'storing',
  unit: 'messages/s',
  measure: measureSolo,
  value: rate,
  ours: job({ contender: 'ours', pattern: 'store', messages: LONG, inFlight: IN_FLIGHT }),
  against: [grouped, single]
}

/** Each handler changes its agent's state in one write with the fact of delivery. */
export const exactlyOnce: Case = {
  name: 'exactly-once',
  unit: 'messages/s',
  measure: measurePair,
  value: rate,
  ours: send('exactly-once', LONG),
  against: [{ name: 'durable', job: send('durable', LONG), atLeast: 0.5 }]
}

/**
 * Exactly once, from one client to another, by mosquitto and quality of service 2: until the publisher's and the
 * subscriber's handshakes are over. What the broker has to remember it writes to disk now and then.
 */
export const exactlyOnceMqtt: Case = {
  ...exactlyOnce,
  name: 'exactly-once-mqtt',
  lacks: lackedBy('mosquitto'),
  against: [
    { job: job({ contender: 'mqtt', pattern: 'exactly-once', messages: LONG / 5, inFlight: IN_FLIGHT }), atLeast: 4 }
  ]
}

/** After so many have been delivered. */
export const deliveredBefore = [100_000, 1_000_000].map((before): Case => {
  const after = (warmUp: number) => send('exactly-once', 60_000, warmUp)
  return {
    name: `exactly-once-after-${before}`,
    unit: 'µs each',
    measure: measurePair,
    value: (measurement) => 1e6 / rate(measurement),
    ours: after(before),
    against: [{ name: 'after-10000', job: after(10_000), atMost: 1.25 }]
  }
})

/** A node starts on a folder with so many messages that it has not been able to deliver, until it has stored another. */
export const recovery: Case = {
  name: 'recovery-100000',
  unit: 's',
  measure: measureSolo,
  value: ({ seconds }) => seconds,
  ours: job({ contender: 'ours', pattern: 'recovery', messages: 100_000, warmUp: 0, inFlight: IN_FLIGHT }),
  against: [{ name: 'limit', limit: 2, atMost: 1 }]
}
