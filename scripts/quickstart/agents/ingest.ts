/** The pipeline: every record through three stages on other hosts, results in the order in which records entered. */
import type { Node } from '../../../src/index.ts'
import { Latency } from '../latency.ts'
import type { Outcome, Percentiles } from '../outcome.ts'
import type { Counted, RawRecord } from '../records.ts'

/** Results between two words of progress. */
const STEP = 1_000

type Figures = Pick<Outcome, 'entered' | 'left' | 'outOfOrder' | 'seconds' | 'enrichedBy' | 'stages'>

export async function ingest(
  node: Node,
  records: RawRecord[],
  progress: (done: number) => void
): Promise<{ figures: Figures; latency: Percentiles }> {
  // a host may die at any time: what was on it is tried again, on its twin or on itself when it is back
  const onError = { onError: 'retry', retries: 8 } as const
  const pipeline = await node.pipeline('ingest', {
    stages: [
      { name: 'parse', agent: 'parser', concurrency: 64, ...onError },
      { name: 'enrich', agent: 'enricher', concurrency: 64, ...onError },
      { name: 'aggregate', agent: 'aggregator', concurrency: 64, ...onError }
    ]
  })

  const entered = new Map<number, number>()
  function* source() {
    for (const record of records) {
      entered.set(record.sequence, performance.now())
      yield record
    }
  }

  const latency = new Latency()
  const from = performance.now()
  let left = 0
  let outOfOrder = 0
  const enrichedBy: Record<string, number> = {}
  for await (const result of pipeline.process(source())) {
    const { sequence, enrichedBy: host } = result as Counted
    if (sequence !== left) outOfOrder++
    enrichedBy[host] = (enrichedBy[host] ?? 0) + 1
    latency.add(performance.now() - entered.get(sequence)!)
    entered.delete(sequence)
    if (++left % STEP === 0) progress(left)
  }
  const seconds = (performance.now() - from) / 1000
  const stages = pipeline.stats().stages.map(({ name, in: came, out, retried }) => ({ name, in: came, out, retried }))
  return {
    figures: { entered: records.length, left, outOfOrder, seconds, enrichedBy, stages },
    latency: latency.percentiles()
  }
}
