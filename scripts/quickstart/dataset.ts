/** The data: a week of earthquakes, three months of flights, four years of weather, from the package vega-datasets. */
import { readFileSync } from 'node:fs'
import type { Dataset, RawRecord } from './records.ts'

const read = (name: string) => readFileSync(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')), 'utf8')
const json = (name: string) => JSON.parse(read(name))

/** Rows of a CSV file by its header. Quoted fields may hold commas, not line breaks. */
export function csv(name: string): Record<string, string>[] {
  const [header, ...lines] = read(name).trim().split('\n').map(fields)
  return lines.map((line) => Object.fromEntries(header!.map((column, i) => [column, line[i] ?? ''])))
}

export function fields(line: string): string[] {
  return [...line.trim().matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
}

const lines: Record<Dataset, () => string[]> = {
  quake: () => json('earthquakes.json').features.map((feature: unknown) => JSON.stringify(feature)),
  flight: () => json('flights-10k.json').map((flight: unknown) => JSON.stringify(flight)),
  weather: () => read('seattle-weather.csv').trim().split('\n').slice(1)
}

/** All three data sets as one stream of lines, each spread evenly over the whole. */
export function rawRecords(): RawRecord[] {
  const placed = Object.entries(lines).flatMap(([dataset, load]) =>
    load().map((text, i, all) => ({ dataset: dataset as Dataset, text, place: (i + 0.5) / all.length }))
  )
  placed.sort((a, b) => a.place - b.place)
  return placed.map(({ dataset, text }, sequence) => ({ sequence, dataset, text }))
}
