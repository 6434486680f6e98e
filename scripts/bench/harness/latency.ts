import { build } from 'hdr-histogram-js'

/** Percentiles of µs, to three digits, up to a minute. */
export class Latency {
  readonly #histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3
  })

  readonly record = (us: number): void => {
    this.#histogram.recordValue(Math.max(1, Math.round(us)))
  }

  /** Nothing where nothing was recorded. */
  percentiles(): { p50?: number; p99?: number } {
    if (this.#histogram.totalCount === 0) return {}
    return { p50: this.#histogram.getValueAtPercentile(50), p99: this.#histogram.getValueAtPercentile(99) }
  }
}
