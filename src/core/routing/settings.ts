import { THROTTLE_DEFAULTS, type ThrottleSettings } from '../flow/throttle.ts'

export interface CircuitSettings {
  /** Failures in a row that open a circuit. 5: Envoy's `consecutive_5xx`. */
  consecutiveFailures: number
  /** Calls that the failure rate looks back on, at most 32 (they are bits of one integer). 20: a guess. */
  window: number
  /** Calls that the window must hold before its rate counts. 10: a guess. */
  minimumCalls: number
  /** Share of failures in the window that opens a circuit. 0.5: resilience4j's default. */
  failureRate: number
  /** ms before the first probe, before jitter of half of it. 1,000: a guess. */
  coolDown: number
  /** ms that the cool-down grows to, doubling with each opening. 30,000: a guess. */
  maxCoolDown: number
  /** Calls let through while half open, and successes that close the circuit. 1: Nygard, "Release It!". */
  probes: number
  /** ms after which a probe that nobody reported on no longer holds its slot. 10,000: twice the request timeout. */
  probeTimeout: number
}

export interface RoutingSettings {
  /** ms that a member must be better by to be worth leaving the tier for; one for each tier. Guesses, of the order of what a hop costs. */
  penalties: readonly [sameNode: number, sameZone: number, sameRegion: number, elsewhere: number]
  /** Round trip in ms assumed until one is measured, one for each tier. Guesses. */
  assumedRtt: readonly [sameNode: number, sameZone: number, sameRegion: number, elsewhere: number]
  /** ms that a member is taken to need for one call, so that calls in flight weigh something. 1: a guess. */
  serviceTime: number
  /** A member at this load or above is busy. 0.8: where an M/M/1 queue is four deep. */
  busyLoad: number
  /** A member with as many calls of ours in flight is busy. 256: a guess, about what saturates one event loop. */
  busyInFlight: number
  /** Two costs within this share of each other are equal: jitter in a round trip must not starve a member. 0.25: a guess. */
  tolerance: number
  circuit: CircuitSettings
  /** How many calls may be under way to one agent's name on one node. */
  throttle: ThrottleSettings
  /** Circuits remembered at most; the one longest without trouble goes first. Only targets that failed lately have one. */
  maxCircuits: number
}

export const ROUTING_DEFAULTS: RoutingSettings = {
  penalties: [0, 1, 5, 50],
  assumedRtt: [0, 1, 10, 100],
  serviceTime: 1,
  busyLoad: 0.8,
  busyInFlight: 256,
  tolerance: 0.25,
  circuit: {
    consecutiveFailures: 5,
    window: 20,
    minimumCalls: 10,
    failureRate: 0.5,
    coolDown: 1_000,
    maxCoolDown: 30_000,
    probes: 1,
    probeTimeout: 10_000
  },
  throttle: THROTTLE_DEFAULTS,
  maxCircuits: 10_000
}
