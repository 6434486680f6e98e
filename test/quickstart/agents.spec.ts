import assert from 'node:assert/strict'
import { aggregator } from '../../scripts/quickstart/agents/aggregator.ts'
import { archive } from '../../scripts/quickstart/agents/archive.ts'
import { enricher } from '../../scripts/quickstart/agents/enricher.ts'
import { parser } from '../../scripts/quickstart/agents/parser.ts'
import { rawRecords } from '../../scripts/quickstart/dataset.ts'
import { expectations } from '../../scripts/quickstart/expectations.ts'
import type { Alert } from '../../scripts/quickstart/records.ts'
import type { Node } from '../../src/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: what a handler takes and gives is its own
type Handler = (message: { data: unknown }) => any

/** Takes the agents' handlers and hands them to the test: no mesh. */
function desk() {
  const handlers: Record<string, Handler> = {}
  const published: [topic: string, alert: Alert][] = []
  const node = {
    agent: async (_name: string, { handle }: { handle: Record<string, Handler> }) => {
      Object.assign(handlers, handle)
      return { publish: async (topic: string, alert: Alert) => published.push([topic, alert]) }
    }
  } as unknown as Node
  return { node, published, ask: (type: string, data?: unknown) => handlers[type]!({ data }) }
}

describe('the quickstart’s agents', () => {
  it('find in the data what the recomputation finds, and count a record once', async () => {
    const { node, published, ask } = desk()
    for (const agent of [parser, enricher, aggregator]) await agent(node, 'here')
    const expected = expectations()
    const records = rawRecords()
    assert.equal(records.length, expected.entered)
    for (const [i, record] of records.entries()) {
      assert.equal(record.sequence, i)
      const enriched = ask('enrich', ask('parse', record))
      for (let again = 0; again < 2; again++) {
        assert.deepEqual(await ask('aggregate', enriched), { sequence: i, enrichedBy: 'here' })
      }
    }
    assert.deepEqual(ask('statistics'), expected.statistics)
    assert.equal(published.length, expected.alerts.all)
    const severe = (start: string, least: number) =>
      published.filter(([topic, { severity }]) => topic.startsWith(start) && severity >= least).length
    assert.equal(severe('alerts.quake.', 5.5), expected.alerts.strongQuakes)
    assert.equal(severe('alerts.flight.', 180), expected.alerts.longDelays)
    for (const [topic] of published) assert.match(topic, /^alerts\.(quake|flight|weather)\.\w+$/)
  })

  it('stream the days of a year', async () => {
    const { node, ask } = desk()
    await archive(node)
    const days: { date: string; rain: number }[] = []
    for await (const day of ask('days', '2014')) days.push(day)
    const rain = days.reduce((sum, day) => sum + Math.round(day.rain * 10), 0)
    assert.deepEqual({ days: days.length, rain }, expectations().stream)
  })
})
