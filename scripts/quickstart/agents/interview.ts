/** Questions by request, while the pipeline is busy. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Agent } from '../../../src/index.ts'
import { Latency } from '../latency.ts'
import type { Outcome } from '../outcome.ts'

/** Between two rounds of questions. ms */
const PAUSE = 10
const CODES = ['SEA', 'PDX', 'BOS', 'EWR', 'LAX', 'ORD', 'HNL', 'ATL']

export interface Interview {
  /** Stops asking and sums up. */
  end(): Promise<{
    airports: Outcome['airports']
    latency: Pick<Outcome['latency'], 'statistics' | 'airports'>
  }>
}

export function interview(agent: Agent): Interview {
  const statistics = new Latency()
  const airports = new Latency()
  const answeredBy: Record<string, number> = {}
  let asked = 0
  let ended = false

  async function ask(latency: Latency, to: string, data: unknown, type: string) {
    const at = performance.now()
    // asking twice does no harm, so another member may answer if the first one dies
    const reply = await agent.request(to, data, { type, idempotent: true })
    latency.add(performance.now() - at)
    return reply.data
  }

  const asking = (async () => {
    while (!ended || asked === 0) {
      await ask(statistics, 'aggregator', null, 'statistics')
      const airport = await ask(airports, 'atlas', CODES[asked++ % CODES.length], 'airport')
      answeredBy[airport.answeredBy] = (answeredBy[airport.answeredBy] ?? 0) + 1
      await delay(PAUSE)
    }
  })()

  return {
    async end() {
      ended = true
      await asking
      return {
        airports: { asked, answeredBy },
        latency: { statistics: statistics.percentiles(), airports: airports.percentiles() }
      }
    }
  }
}
