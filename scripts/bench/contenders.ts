import type { Contender, Solo } from './harness/types.ts'

/** Loaded by name in the process that needs it, and only there. */
const PAIRS: Record<string, () => Promise<Contender>> = {
  plain: async () => (await import('./baselines/libp2p-loops.ts')).plain,
  batched: async () => (await import('./baselines/libp2p-loops.ts')).batched,
  tls: async () => (await import('./baselines/tls-loop.ts')).tls,
  'stream-per-request': async () => (await import('./baselines/stream-per-request.ts')).streamPerRequest,
  mqtt: async () => (await import('./baselines/mqtt.ts')).mqtt,
  causal: async () => (await import('./ours/turns.ts')).causal,
  unordered: async () => (await import('./ours/turns.ts')).unordered,
  flushed: async () => (await import('./ours/pair.ts')).flushed,
  ours: async () => (await import('./ours/pair.ts')).ours
}

const SOLOS: Record<string, () => Promise<Solo>> = {
  gossipsub: async () => (await import('./baselines/gossipsub.ts')).gossipsub,
  'fdatasync-by-three': async () => (await import('./baselines/fdatasync.ts')).byThree,
  etcd: async () => (await import('./baselines/etcd.ts')).etcd,
  fdatasync: async () => (await import('./baselines/fdatasync.ts')).plainFile,
  jetstream: async () => (await import('./baselines/jetstream.ts')).jetstream,
  structuredClone: async () => (await import('./baselines/clone.ts')).clone,
  ours: async () => (await import('./ours/solo.ts')).ours
}

function named<T>(table: Record<string, () => Promise<T>>, name: string): Promise<T> {
  const load = table[name]
  if (load === undefined) throw new Error(`no contender has the name ${name}`)
  return load()
}

export const contender = (name: string): Promise<Contender> => named(PAIRS, name)
export const solo = (name: string): Promise<Solo> => named(SOLOS, name)
