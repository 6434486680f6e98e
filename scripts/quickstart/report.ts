import type { Outcome, Percentiles } from './outcome.ts'
import type { SupervisedHost } from './supervisor.ts'

const count = (value: number) => value.toLocaleString('en')
const ms = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))

export function progressLine(done: number, total: number): string {
  const filled = Math.round((done / total) * 30)
  return `${'█'.repeat(filled)}${'░'.repeat(30 - filled)} ${count(done)} of ${count(total)} records`
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map(
    (row) =>
      `  ${row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('   ')
        .trimEnd()}`
  )
}

function section(title: string, rows: readonly (readonly string[])[]): string[] {
  return ['', title, ...columns(rows)]
}

const shortId = (peerId: string) => `…${peerId.slice(-8)}`

function places(mesh: readonly SupervisedHost[]): string[][] {
  return mesh.map(({ plan, lives }) => [
    plan.name,
    `${plan.region}, ${plan.zone}`,
    shortId(lives[0]!.peerId),
    `process ${lives.map(({ pid }) => pid).join(', killed, then ')}`,
    plan.agents.join(', ')
  ])
}

function counts(outcome: Outcome): string[][] {
  const { entered, left, outOfOrder, enrichedBy, statistics, alerts, stream, airports } = outcome
  const shares = (by: Record<string, number>) =>
    Object.entries(by)
      .map(([host, times]) => `${count(times)} by ${host}`)
      .join(', ')
  return [
    ['records in', count(entered)],
    ['enriched', shares(enrichedBy)],
    ['results out', `${count(left)}, ${outOfOrder === 0 ? 'in the order they entered' : `${outOfOrder} out of order`}`],
    [
      'counted',
      `${count(statistics.counted)}: ${count(statistics.quake.count)} earthquakes, ${count(statistics.flight.count)} flights, ${count(statistics.weather.count)} days of weather`
    ],
    [
      'alerts',
      `${count(alerts.all)}, of them ${alerts.strongQuakes} earthquakes of 5.5 and more, ${alerts.longDelays} delays of 3 hours and more`
    ],
    ['streamed', `${stream.days} days of 2014, ${(stream.rain / 10).toFixed(1)} mm of rain`],
    ['airports asked', `${count(airports.asked)}, answered ${shares(airports.answeredBy)}`]
  ]
}

function findings({ quake, flight, weather }: Outcome['statistics']): string[][] {
  const top = (sums: Record<string, number>) =>
    Object.entries(sums)
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, 3)
      .map(([name, value]) => `${name} ${count(value)}`)
      .join(', ')
  return [
    ['earthquakes', `strongest ${quake.strongest}; most in ${top(quake.byArea)}`],
    [
      'flights',
      `${((flight.late / flight.count) * 100).toFixed(1)} % late, ${(flight.minutes / flight.count).toFixed(1)} min on average; most from ${top(flight.byState)}`
    ],
    [
      'weather',
      `${(weather.rain / 10).toFixed(1)} mm of rain, hottest day ${(weather.hottest / 10).toFixed(1)} °C; ${top(weather.bySky)} days`
    ]
  ]
}

function latencies({ latency }: Outcome): string[][] {
  const row = (name: string, { count: times, p50, p99, max }: Percentiles) => [
    name,
    count(times),
    ms(p50),
    ms(p99),
    ms(max)
  ]
  return [
    ['', 'times', 'p50', 'p99', 'max'],
    row('a record through three hosts', latency.pipeline),
    row('statistics by request', latency.statistics),
    row('an airport by request', latency.airports),
    row('an alert, from publish to subscriber', latency.alerts)
  ]
}

/** What people read at the end. */
export function summary(outcome: Outcome, mesh: readonly SupervisedHost[], differences: readonly string[]): string {
  const calls = outcome.stages.reduce((sum, stage) => sum + stage.in + stage.out, 0)
  const perSecond = Math.round((calls + outcome.alerts.all) / outcome.seconds)
  const verdict =
    differences.length === 0
      ? ['', `Every figure is what the data says. ${count(perSecond)} messages/s for ${outcome.seconds.toFixed(1)} s.`]
      : ['', 'NOT what the data says:', ...differences.map((difference) => `  ${difference}`)]
  return [
    ...section('Where', places(mesh)),
    ...section('Counts', counts(outcome)),
    ...section('Findings', findings(outcome.statistics)),
    ...section('Stages', [
      ['', 'in', 'out', 'tried again'],
      ...outcome.stages.map((it) => [it.name, count(it.in), count(it.out), count(it.retried)])
    ]),
    ...section('Latency in ms', latencies(outcome)),
    ...verdict
  ].join('\n')
}

/** How to talk to the mesh that stays up. */
export function invitation(mesh: readonly SupervisedHost[]): string {
  const join = `--bootstrap ${mesh[0]!.lives[0]!.addresses[0]}`
  const lines = [
    `npm run phoenix -- peers ${join}`,
    `npm run phoenix -- agents ${join}`,
    `npm run phoenix -- request atlas '"SEA"' --type airport ${join}`,
    `npm run phoenix -- request aggregator --type statistics ${join}`
  ]
  return ['', 'The mesh stays up. From another terminal:', ...lines.map((line) => `  ${line}`), 'Ctrl-C ends it.'].join(
    '\n'
  )
}
