import { build } from 'hdr-histogram-js'
import type { Percentiles } from './outcome.ts'

/** Collects ms; keeps µs, to three digits. */
export class Latency {
  readonly #histogram = build({ highestTrackableValue: 600_000_000, numberOfSignificantValueDigits: 3 })

  add(ms: number): void {
    this.#histogram.recordValue(Math.max(1, Math.round(ms * 1000)))
  }

  percentiles(): Percentiles {
    const max = this.#histogram.maxValue
    // a percentile is the upper end of its bucket, which may lie above the largest value
    const at = (percentile: number) => Math.min(max, this.#histogram.getValueAtPercentile(percentile)) / 1000
    return { count: this.#histogram.totalCount, p50: at(50), p99: at(99), max: max / 1000 }
  }
}
