/** What the hosts of the torture are asked to do, each in its own process. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Agent, type MeshError, type Node, type NodeOptions } from '../../src/index.ts'
import { assemble } from '../../src/node/assemble.ts'
import { resolveConfig } from '../../src/node/config.ts'
import { loadIdentity } from '../../src/runtime/libp2p/identity.ts'
import { createLibp2pNetwork } from '../../src/runtime/libp2p/network.ts'
import { claimFolder } from '../../src/runtime/storage/claim.ts'
import { FileDisk } from '../../src/runtime/storage/file-disk.ts'
import { systemClock } from '../../src/runtime/system/clock.ts'
import { systemDice } from '../../src/runtime/system/dice.ts'
import { PessimisticDisk, type Pessimism } from './pessimistic-disk.ts'

export interface HostOptions extends NodeOptions {
  dataDir: string
  /** Left out: the operating system's disk as it is. */
  pessimism?: Pessimism | undefined
}

/** Like `createNode`, over the disk that the test asks for, which does not fail before the node is up. */
export async function create({ pessimism, ...options }: HostOptions): Promise<Node> {
  const config = resolveConfig(options)
  const identity = await loadIdentity(options.dataDir)
  const network = await createLibp2pNetwork({ identity, listen: config.listen })
  const files = new FileDisk(join(options.dataDir, 'store'))
  const calm = { failure: 0 }
  const disk = pessimism === undefined ? files : new PessimisticDisk(files, calm)
  const world = { network, clock: systemClock, dice: systemDice, disk, claim: () => claimFolder(options.dataDir) }
  const node = await assemble(config, world, network.libp2p)
  calm.failure = pessimism?.failure ?? 0
  return node
}

export type Guarantee = 'at-least-once' | 'exactly-once'

// ---- the receiver ----------------------------------------------------------------------------------------------------

let worker: Agent | undefined

/** At least once: each number is a line in a journal, written before it is acknowledged. Exactly once: a count in the agent's state. */
export async function receive(node: Node, guarantee: Guarantee, journal: string): Promise<void> {
  worker = await node.agent('worker')
  if (guarantee === 'at-least-once') {
    worker.receive(({ data }) => appendFileSync(journal, `${data}\n`), { concurrency: 16 })
    return
  }
  worker.receive(
    async ({ data }, ctx) => {
      const key = `effect/${data}`
      const count = ((await ctx.state.get(key)) as number | undefined) ?? 0
      await ctx.commit([{ type: 'put', key, value: count + 1 }])
    },
    { delivery: 'exactly-once', concurrency: 16 }
  )
}

/** How often each number took effect. */
export async function effects(): Promise<Map<number, number>> {
  const counts = new Map<number, number>()
  for await (const [key, count] of worker!.state.entries()) counts.set(Number(key.slice('effect/'.length)), count as number)
  return counts
}

// ---- the sender ------------------------------------------------------------------------------------------------------

let source: Agent | undefined

/** Sends the numbers; resolves with those that were acknowledged, once they are stored, or once they have ended. */
export async function send(node: Node, guarantee: Guarantee, numbers: number[], toTheEnd: boolean): Promise<number[]> {
  source ??= await node.agent('source')
  const accepted: number[] = []
  const one = async (number: number): Promise<void> => {
    try {
      const receipt = await source!.send('worker', number, { delivery: guarantee, durable: true, maxRetries: 1_000_000 })
      if (toTheEnd) await receipt.settled
      accepted.push(number)
    } catch (error) {
      // The disk that fails says so; that is what an error is for.
      if ((error as MeshError).code !== 'ERR_STORAGE') throw error
    }
  }
  await Promise.all(numbers.map(one))
  return accepted
}
