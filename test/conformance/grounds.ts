import { setTimeout as sleep } from 'node:timers/promises'
import { loadIdentity } from '../../src/runtime/libp2p/identity.ts'
import { createLibp2pNetwork } from '../../src/runtime/libp2p/network.ts'
import type { Network } from '../../src/runtime/ports.ts'
import { World } from '../../src/testing/world.ts'

/** Networks that know each other's addresses, and the way to wait where they live. */
export interface Ground {
  networks: Network[]
  run<T>(promise: Promise<T>): Promise<T>
  /** Lets time pass until the condition holds; the test's own time-out bounds it. */
  until(condition: () => boolean): Promise<void>
  /** Tries until it does not throw. */
  eventually<T>(work: () => Promise<T>): Promise<T>
  /** Lets everything that is under way arrive. */
  quiet(): Promise<void>
  stop(): Promise<void>
}

/** Every test of the ports runs on both: what holds for libp2p on loopback holds for the simulation, and the reverse. */
export const grounds: Record<string, (count: number) => Promise<Ground>> = {
  'the simulated network': simulated,
  'libp2p on loopback': loopback
}

async function simulated(count: number): Promise<Ground> {
  const world = new World({ seed: 1, loss: 0.01, latency: [1, 20] })
  const networks: Network[] = []
  for (let i = 0; i < count; i++) networks.push((await world.place(`host-${i}`)).network)
  await introduce(networks)
  return {
    networks,
    run: (promise) => world.time.run(promise, 60_000),
    async until(condition) {
      while (!condition()) await world.time.advance(10)
    },
    async eventually(work) {
      for (;;) {
        const result = await settle(world.time.run(work(), 60_000))
        if (result.done) return result.value
        await world.time.advance(100)
      }
    },
    quiet: () => world.time.advance(5_000),
    async stop() {
      for (const { host } of networks) await host.stop()
    }
  }
}

async function loopback(count: number): Promise<Ground> {
  const networks: Network[] = []
  for (let i = 0; i < count; i++) {
    networks.push(await createLibp2pNetwork({ identity: await loadIdentity(), listen: ['/ip4/127.0.0.1/tcp/0'] }))
  }
  await introduce(networks)
  return {
    networks,
    run: (promise) => promise,
    async until(condition) {
      while (!condition()) await sleep(5)
    },
    async eventually(work) {
      for (;;) {
        const result = await settle(work())
        if (result.done) return result.value
        await sleep(50)
      }
    },
    quiet: () => sleep(100),
    async stop() {
      await Promise.all(networks.map(({ host }) => host.stop()))
    }
  }
}

async function introduce(networks: Network[]): Promise<void> {
  for (const { host } of networks) await host.start()
  for (const { host } of networks) for (const other of networks) host.learn(other.host.peer, other.host.addresses())
}

async function settle<T>(promise: Promise<T>): Promise<{ done: true; value: T } | { done: false }> {
  return promise.then(
    (value) => ({ done: true, value }),
    () => ({ done: false })
  )
}
