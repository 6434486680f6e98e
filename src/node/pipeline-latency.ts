import { build } from 'hdr-histogram-js'
import type { StageLatency } from '../../protocols/pipeline/messages.ts'

/** How long a stage takes to answer, by its name: HDR histograms in µs with two significant digits, some 10 KB each. */
export class Latencies {
  readonly #histograms = new Map<string, ReturnType<typeof build>>()

  record(stage: string, ms: number): void {
    let histogram = this.#histograms.get(stage)
    if (histogram === undefined) {
      histogram = build({ bitBucketSize: 32, autoResize: true, numberOfSignificantValueDigits: 2 })
      this.#histograms.set(stage, histogram)
    }
    histogram.recordValue(Math.max(1, Math.round(ms * 1_000)))
  }

  /** Forgets the stages that are not named. */
  keep(stages: readonly string[]): void {
    for (const stage of this.#histograms.keys()) if (!stages.includes(stage)) this.#histograms.delete(stage)
  }

  /** In ms. */
  of(stage: string): StageLatency {
    const histogram = this.#histograms.get(stage)
    if (histogram === undefined || histogram.totalCount === 0) return { count: 0, p50: 0, p90: 0, p99: 0, max: 0 }
    const { totalCount: count, maxValue } = histogram
    // A percentile is the upper end of its bucket, which may lie above everything that was recorded.
    const at = (percentile: number) => Math.min(histogram.getValueAtPercentile(percentile), maxValue) / 1_000
    return { count, p50: at(50), p90: at(90), p99: at(99), max: maxValue / 1_000 }
  }
}
