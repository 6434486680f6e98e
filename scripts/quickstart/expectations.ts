/** The same figures, computed from the data sets alone: no mesh, and none of the agents' code. */
import { readFileSync } from 'node:fs'
import type { Outcome } from './outcome.ts'

export type Expected = Pick<Outcome, 'entered' | 'left' | 'outOfOrder' | 'statistics' | 'alerts' | 'stream'>

const text = (name: string) => readFileSync(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')), 'utf8')

const countBy = <T>(items: T[], key: (item: T) => string): Record<string, number> =>
  Object.fromEntries(Object.entries(Object.groupBy(items, key)).map(([name, group]) => [name, group!.length]))

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
const times10 = (value: string) => Math.round(Number.parseFloat(value) * 10)

interface QuakeProperties {
  mag: number
  place: string
  tsunami: number
}

function quakes() {
  const all = (JSON.parse(text('earthquakes.json')).features as { properties: QuakeProperties }[]).map(
    (it) => it.properties
  )
  const bands = [
    ['moderate', 5, 99],
    ['light', 4, 5],
    ['minor', 2, 4],
    ['micro', -9, 2]
  ] as const
  return {
    all,
    statistics: {
      count: all.length,
      strongest: Math.max(...all.map(({ mag }) => mag)),
      tsunami: all.filter(({ tsunami }) => tsunami).length,
      byBand: countBy(all, ({ mag }) => bands.find(([, from, to]) => mag >= from && mag < to)![0]),
      byArea: countBy(all, ({ place }) => place.replace(/^.*, /, ''))
    }
  }
}

function flights() {
  const all = JSON.parse(text('flights-10k.json')) as { delay: number; distance: number; origin: string }[]
  const state = new Map<string, string>()
  for (const line of text('airports.csv').split('\n')) {
    const match = /^(\w+),.*,(\w+),[^,]*,-?[\d.]+,-?[\d.]+\s*$/.exec(line)
    if (match !== null) state.set(match[1]!, match[2]!)
  }
  return {
    all,
    statistics: {
      count: all.length,
      late: all.filter(({ delay }) => delay > 14).length,
      minutes: sum(all.map(({ delay }) => delay)),
      miles: sum(all.map(({ distance }) => distance)),
      byState: countBy(all, ({ origin }) => state.get(origin) ?? 'unknown')
    }
  }
}

function weather() {
  const all = text('seattle-weather.csv')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(','))
  const seasons: Record<string, string[]> = {
    winter: ['12', '01', '02'],
    spring: ['03', '04', '05'],
    summer: ['06', '07', '08'],
    autumn: ['09', '10', '11']
  }
  const highs = Object.entries(seasons).map(([season, months]) => {
    const days = all.filter(([date]) => months.includes(date!.split('-')[1]!))
    return [season, sum(days.map(([, , high]) => times10(high!)))] as const
  })
  return {
    all,
    statistics: {
      count: all.length,
      rain: sum(all.map(([, rain]) => times10(rain!))),
      hottest: Math.max(...all.map(([, , high]) => times10(high!))),
      bySky: countBy(all, (day) => day[5]!),
      highs: Object.fromEntries(highs)
    }
  }
}

export function expectations(): Expected {
  const quake = quakes()
  const flight = flights()
  const days = weather()
  const count = quake.all.length + flight.all.length + days.all.length
  const year = days.all.filter(([date]) => date!.startsWith('2014-'))
  const alerts =
    quake.all.filter(({ mag }) => mag >= 4.5).length +
    flight.all.filter(({ delay }) => delay >= 120).length +
    days.all.filter(([, rain]) => times10(rain!) >= 300).length
  return {
    entered: count,
    left: count,
    outOfOrder: 0,
    statistics: { counted: count, quake: quake.statistics, flight: flight.statistics, weather: days.statistics },
    alerts: {
      all: alerts,
      strongQuakes: quake.all.filter(({ mag }) => mag >= 5.5).length,
      longDelays: flight.all.filter(({ delay }) => delay >= 180).length
    },
    stream: { days: year.length, rain: sum(year.map(([, rain]) => times10(rain!))) }
  }
}
