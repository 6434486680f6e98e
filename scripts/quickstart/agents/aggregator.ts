/** Third stage: keeps the figures, answers questions about them, and tells at once what cannot wait. */
import type { Message, Node } from '../../../src/index.ts'
import type { Alert, Counted, EnrichedRecord } from '../records.ts'
import { addTo, noStatistics } from '../statistics.ts'

export async function aggregator(node: Node): Promise<void> {
  const statistics = noStatistics()
  /** A stage that got no answer in time is asked again: the same record counts once. */
  const counted = new Set<number>()

  const agent = await node.agent('aggregator', {
    handle: {
      async aggregate({ data: record }: Message<EnrichedRecord>): Promise<Counted> {
        if (!counted.has(record.sequence)) {
          counted.add(record.sequence)
          addTo(statistics, record)
          const alert = alertFor(record)
          if (alert !== undefined) await agent.publish(...alert)
        }
        return { sequence: record.sequence, enrichedBy: record.enrichedBy }
      },
      statistics: () => ({ counted: counted.size, ...statistics })
    }
  })
}

function alertFor(record: EnrichedRecord): [topic: string, alert: Alert] | undefined {
  const { dataset, sequence } = record
  const at = performance.timeOrigin + performance.now()
  switch (record.dataset) {
    case 'quake':
      if (record.magnitude < 4.5) return undefined
      return [
        `alerts.quake.${record.band}`,
        { dataset, sequence, at, severity: record.magnitude, text: `M ${record.magnitude} ${record.place}` }
      ]
    case 'flight':
      if (record.delay < 120) return undefined
      return [
        `alerts.flight.${record.state}`,
        {
          dataset,
          sequence,
          at,
          severity: record.delay,
          text: `${record.origin}–${record.destination} ${record.delay} min late`
        }
      ]
    case 'weather':
      if (record.precipitation < 300) return undefined
      return [
        `alerts.weather.${record.sky}`,
        {
          dataset,
          sequence,
          at,
          severity: record.precipitation / 10,
          text: `${record.precipitation / 10} mm on ${record.date}`
        }
      ]
  }
}
