/** Where the work comes from: feeds the pipeline, listens to alerts, asks questions meanwhile, and sums up. */
import type { Agent, Node } from '../../../src/index.ts'
import { rawRecords } from '../dataset.ts'
import type { Outcome } from '../outcome.ts'
import type { FromHost, ToHost } from '../supervisor.ts'
import { watchAlerts } from './alerts.ts'
import { ingest } from './ingest.ts'
import { interview } from './interview.ts'

export async function desk(node: Node, _host: string, tell: (message: FromHost) => void): Promise<void> {
  const agent = await node.agent('desk')
  process.on('message', async ({ kind }: ToHost) => {
    if (kind !== 'work') return
    try {
      tell({ kind: 'outcome', outcome: await work(node, agent, tell) })
    } catch (error) {
      tell({ kind: 'failed', error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
}

async function work(node: Node, agent: Agent, tell: (message: FromHost) => void): Promise<Outcome> {
  const records = rawRecords()
  await using alerts = await watchAlerts(agent)
  const questions = interview(agent)
  const flow = await ingest(node, records, (done) => tell({ kind: 'progress', done, total: records.length }))
  const { airports, latency } = await questions.end()

  const { data: statistics } = await agent.request('aggregator', null, { type: 'statistics' })
  const stream = { days: 0, rain: 0 }
  for await (const { data: day } of agent.stream('archive', '2014', { type: 'days' })) {
    stream.days++
    stream.rain += Math.round(day.rain * 10)
  }
  return {
    ...flow.figures,
    statistics,
    alerts: await alerts.settled(),
    stream,
    airports,
    latency: { pipeline: flow.latency, alerts: alerts.latency(), ...latency }
  }
}
