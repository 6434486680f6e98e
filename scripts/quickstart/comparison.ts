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
  const processes = new Set(mesh.map(({ lives }) => lives[0]?.pid))
  const identities = new Set(mesh.map(({ lives }) => lives[0]?.peerId))
  if (processes.size !== mesh.length) differences.push(`${mesh.length} hosts are ${processes.size} processes`)
  if (identities.size !== mesh.length) differences.push(`${mesh.length} hosts have ${identities.size} PeerIds`)
  for (const { plan, lives } of mesh) {
    if (new Set(lives.map(({ peerId }) => peerId)).size !== 1) differences.push(`${plan.name} changed its PeerId`)
  }
  return differences
}

function flat(value: unknown, path = ''): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return { [path]: value }
  const inner = Object.entries(value).map(([key, child]) => flat(child, path === '' ? key : `${path}.${key}`))
  return Object.assign({}, ...inner)
}
