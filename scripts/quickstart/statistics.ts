import type { EnrichedRecord } from './records.ts'

/** Every sum is of whole numbers, so that the order of arrival cannot change it. */
export interface Statistics {
  quake: {
    count: number
    strongest: number
    tsunami: number
    byBand: Record<string, number>
    byArea: Record<string, number>
  }
  flight: { count: number; late: number; minutes: number; miles: number; byState: Record<string, number> }
  weather: {
    count: number
    rain: number
    hottest: number
    bySky: Record<string, number>
    highs: Record<string, number>
  }
}

export function noStatistics(): Statistics {
  return {
    quake: { count: 0, strongest: 0, tsunami: 0, byBand: {}, byArea: {} },
    flight: { count: 0, late: 0, minutes: 0, miles: 0, byState: {} },
    weather: { count: 0, rain: 0, hottest: 0, bySky: {}, highs: {} }
  }
}

const add = (sums: Record<string, number>, key: string, value = 1) => {
  sums[key] = (sums[key] ?? 0) + value
}

export function addTo({ quake, flight, weather }: Statistics, record: EnrichedRecord): void {
  switch (record.dataset) {
    case 'quake':
      quake.count++
      quake.strongest = Math.max(quake.strongest, record.magnitude)
      quake.tsunami += Number(record.tsunami)
      add(quake.byBand, record.band)
      add(quake.byArea, record.area)
      break
    case 'flight':
      flight.count++
      flight.late += Number(record.late)
      flight.minutes += record.delay
      flight.miles += record.distance
      add(flight.byState, record.state)
      break
    case 'weather':
      weather.count++
      weather.rain += record.precipitation
      weather.hottest = Math.max(weather.hottest, record.high)
      add(weather.bySky, record.sky)
      add(weather.highs, record.season, record.high)
      break
  }
}
