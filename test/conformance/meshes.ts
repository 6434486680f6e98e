import { setTimeout as sleep } from 'node:timers/promises'
import { createNode } from '../../src/node/create.ts'
import type { Node } from '../../src/node/node.ts'
import { createMesh } from '../../src/testing/index.ts'

/** Nodes that know each other, and the way to wait where they live. */
export interface Ground {
  nodes: readonly Node[]
  run<T>(promise: Promise<T>): Promise<T>
  /** Lets time pass until the condition holds; the test's own time-out bounds it. */
  until(condition: () => boolean): Promise<void>
  stop(): Promise<void>
}

/** Every scenario runs on both: what a program sees of the simulated mesh is what it will see of a real one. */
export const meshes: Record<string, (count: number) => Promise<Ground>> = {
  'the simulated mesh': simulated,
  'nodes on loopback': loopback
}

async function simulated(count: number): Promise<Ground> {
  const mesh = await createMesh({ nodes: count, seed: 1, latency: [1, 20], loss: 0.01 })
  return {
    nodes: mesh.nodes,
    run: (promise) => mesh.run(promise),
    async until(condition) {
      while (!condition()) await mesh.advance(10)
    },
    stop: () => mesh.stop()
  }
}

async function loopback(count: number): Promise<Ground> {
  const first = await createNode({ name: 'node-0' })
  const bootstrap = first.multiaddrs
  const others = Array.from({ length: count - 1 }, (_, i) => createNode({ name: `node-${i + 1}`, bootstrap }))
  const nodes = [first, ...(await Promise.all(others))]
  await Promise.all(nodes.map((node) => node.ready({ peers: count - 1 })))
  return {
    nodes,
    run: (promise) => promise,
    async until(condition) {
      while (!condition()) await sleep(5)
    },
    async stop() {
      await Promise.all(nodes.map((node) => node.stop({ drain: false })))
    }
  }
}
