/** Second stage: a record learns what its own data set does not say. */
import type { Message, Node } from '../../../src/index.ts'
import { csv } from '../dataset.ts'
import type { EnrichedRecord, ParsedRecord } from '../records.ts'

/** Minutes from which a flight counts as late, as the airlines' statistics have it. */
const LATE = 15

export async function enricher(node: Node, host: string): Promise<void> {
  const states = new Map(csv('airports.csv').map(({ iata, state }) => [iata, state]))

  function enrich(record: ParsedRecord): EnrichedRecord {
    switch (record.dataset) {
      case 'quake':
        return { ...record, enrichedBy: host, band: band(record.magnitude), area: record.place.split(', ').at(-1)! }
      case 'flight':
        return {
          ...record,
          enrichedBy: host,
          state: states.get(record.origin) ?? 'unknown',
          late: record.delay >= LATE
        }
      case 'weather':
        return { ...record, enrichedBy: host, season: season(Number(record.date.slice(5, 7))) }
    }
  }

  await node.agent('enricher', { handle: { enrich: ({ data }: Message<ParsedRecord>) => enrich(data) } })
}

function band(magnitude: number): string {
  if (magnitude >= 5) return 'moderate'
  if (magnitude >= 4) return 'light'
  return magnitude >= 2 ? 'minor' : 'micro'
}

function season(month: number): string {
  return ['winter', 'spring', 'summer', 'autumn'][Math.floor((month % 12) / 3)]!
}
