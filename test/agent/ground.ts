import type { NodeEvent } from '../../src/node/events.ts'
import { createMesh, type Mesh, type MeshOptions } from '../../src/testing/index.ts'

export async function withMesh(options: MeshOptions, work: (mesh: Mesh) => Promise<void>): Promise<void> {
  await using mesh = await createMesh({ latency: [1, 1], fragmentation: 0, ...options })
  await work(mesh)
}

/** How a promise ended, for one that may not have yet. */
export interface Fate<T> {
  status: 'pending' | 'fulfilled' | 'rejected'
  value?: T
  code?: string
}

export function fateOf<T>(promise: Promise<T>): Fate<T> {
  const fate: Fate<T> = { status: 'pending' }
  promise.then(
    (value) => Object.assign(fate, { status: 'fulfilled', value }),
    (error: { code?: string }) => Object.assign(fate, { status: 'rejected', code: error.code ?? String(error) })
  )
  return fate
}

export interface Gate {
  open(): void
  passed: Promise<void>
}

export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { open: resolve, passed: promise }
}

/** Collects what happens on a node from now on. */
export function eventsOf(mesh: Mesh, i: number): NodeEvent[] {
  const all: NodeEvent[] = []
  const events = mesh.nodes[i]!.events()
  void (async () => {
    for await (const event of events) all.push(event)
  })()
  return all
}
