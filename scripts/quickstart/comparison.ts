import { isDeepStrictEqual } from 'node:util'
import type { Expected } from './expectations.ts'
import type { Outcome } from './outcome.ts'
import type { SupervisedHost } from './supervisor.ts'

/** Every figure that is not what the data says, in words. */
export function compare(outcome: Outcome, expected: Expected, mesh: readonly SupervisedHost[]): string[] {
  const differences: string[] = []
  for (const [figure, value] of Object.entries(flat(expected))) {
    const found = flat(outcome)[figure]
    if (!isDeepStrictEqual(found, value)) differences.push(`${figure}: the mesh says ${found}, the data ${value}`)
  }
  const { entered, enrichedBy, airports, stages } = outcome
  const sums: [figure: string, found: number, wanted: number][] = [
    ['records enriched', total(enrichedBy), entered],
    ['airports answered', total(airports.answeredBy), airports.asked],
    ...stages.flatMap((stage): [string, number, number][] => [
      [`records into ${stage.name}`, stage.in, entered],
      [`records out of ${stage.name}`, stage.out, entered]
    ])
  ]
  for (const [figure, found, wanted] of sums) {
    if (found !== wanted) differences.push(`${figure}: ${found}, not ${wanted}`)
  }
  const processes = new Set(mesh.map(({ lives }) => lives[0]?.pid))
  const identities = new Set(mesh.map(({ lives }) => lives[0]?.peerId))
  if (processes.size !== mesh.length) differences.push(`${mesh.length} hosts are ${processes.size} processes`)
  if (identities.size !== mesh.length) differences.push(`${mesh.length} hosts have ${identities.size} PeerIds`)
  for (const { plan, lives } of mesh) {
    if (new Set(lives.map(({ peerId }) => peerId)).size !== 1) differences.push(`${plan.name} changed its PeerId`)
  }
  return differences
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function flat(value: unknown, path = ''): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return { [path]: value }
  const inner = Object.entries(value).map(([key, child]) => flat(child, path === '' ? key : `${path}.${key}`))
  return Object.assign({}, ...inner)
}
