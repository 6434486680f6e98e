/** Live alerts: three subscriptions to topics that nobody had to create. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Agent, Message } from '../../../src/index.ts'
import { Latency } from '../latency.ts'
import type { Outcome, Percentiles } from '../outcome.ts'
import type { Alert } from '../records.ts'

/** An alert that has not come so long after the others is missing. ms */
const QUIET = 500

const severity = ({ data }: Message) => (data as Alert).severity

export interface Alerts extends AsyncDisposable {
  /** Resolves when no alert has come for a while. */
  settled(): Promise<Outcome['alerts']>
  latency(): Percentiles
}

export async function watchAlerts(agent: Agent): Promise<Alerts> {
  const counts = { all: 0, strongQuakes: 0, longDelays: 0 }
  const latency = new Latency()
  let last = performance.now()

  const all = agent.subscribe('alerts.>')
  const strongQuakes = agent.subscribe('alerts.quake.*', { filter: (message) => severity(message) >= 5.5 })
  const longDelays = agent.subscribe('alerts.flight.*', { filter: (message) => severity(message) >= 180 })
  const subscriptions = { all, strongQuakes, longDelays }

  for (const [name, subscription] of Object.entries(subscriptions)) {
    await subscription.ready
    void (async () => {
      for await (const message of subscription) {
        counts[name as keyof typeof counts]++
        last = performance.now()
        if (subscription === all) latency.add(performance.timeOrigin + last - (message.data as Alert).at)
      }
    })()
  }

  return {
    async settled() {
      while (performance.now() - last < QUIET) await delay(50)
      return { ...counts }
    },
    latency: () => latency.percentiles(),
    async [Symbol.asyncDispose]() {
      for (const subscription of Object.values(subscriptions)) await subscription[Symbol.asyncDispose]()
    }
  }
}
