import assert from 'node:assert/strict'
import { seeded } from '../seeded.ts'
import { Network, type NetworkOptions } from './network.ts'

/** Seeds of each scenario; one of them alone with the environment variable SEED. */
const SEEDS = 40

/** A scenario over many seeds. A failure names its seed. */
export function eachSeed(title: string, scenario: (seed: number, random: () => number) => void): void {
  it(title, function () {
    this.timeout(120_000)
    const only = process.env.SEED
    const seeds = only === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(only)]
    for (const seed of seeds) {
      try {
        scenario(seed, seeded(seed ^ 0x5eed))
      } catch (cause) {
        throw new Error(`seed ${seed} (replay: SEED=${seed}): ${(cause as Error).message}`, { cause })
      }
    }
  })
}

export function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `n${String(i).padStart(2, '0')}`)
}

/** Nodes started within `spread` ms, in any order, through the first `doors` of them. */
export function begin(
  peers: string[],
  options: NetworkOptions,
  random: () => number,
  spread: number,
  doors = 2
): Network {
  const network = new Network(options)
  for (const peer of [...peers].sort(() => random() - 0.5)) {
    network.start(peer, { bootstrap: peers.slice(0, doors) })
    network.set(peer, 'agent/worker/1', { peer })
    network.run(random() * (spread / peers.length))
  }
  return network
}

export function assertConverges(network: Network, limit: number, what: string): number {
  const took = network.runUntil(() => network.converged(), limit)
  assert.ok(took !== undefined, `${what}: views differ after ${limit} ms`)
  return took
}

export function chaos(seed: number, random: () => number): NetworkOptions {
  return { seed, delay: [1, 1 + random() * 120], loss: random() * 0.1 }
}

export function someOf<T>(items: readonly T[], count: number, random: () => number): T[] {
  return [...items].sort(() => random() - 0.5).slice(0, count)
}
