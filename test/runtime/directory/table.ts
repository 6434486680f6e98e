import { MeshError } from '../../../protocols/errors.ts'
import { signRecord } from '../../../protocols/overlay/record.ts'
import type { ProviderTable } from '../../../src/runtime/directory/types.ts'
import type { Clock, Host, Timer } from '../../../src/runtime/ports.ts'

/** A clock that moves when told to. */
export class ManualClock implements Clock {
  #now = 0
  #timers: Array<{ at: number; fn: () => void }> = []

  now = () => 1_800_000_000_000 + this.#now
  monotonic = () => this.#now
  endOfTurn = (fn: () => void) => void this.after(0, fn)

  after(ms: number, fn: () => void): Timer {
    const timer = { at: this.#now + ms, fn }
    this.#timers.push(timer)
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) }
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settle()
      const next = this.#timers.sort((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      this.#timers.shift()
      this.#now = Math.max(this.#now, next.at)
      next.fn()
    }
    this.#now = end
    await settle()
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

/** A table in memory that counts what it is asked, refuses or keeps waiting as told. */
export class TableInMemory implements ProviderTable {
  readonly providers = new Map<string, string[]>()
  readonly values = new Map<string, Uint8Array>()
  readonly calls: string[] = []
  refusesPuts = false
  failure: Error | undefined
  self = 'self'

  validate(): void {}
  select(): void {}

  async provide(key: string): Promise<void> {
    this.calls.push(`provide ${key}`)
    if (this.failure !== undefined) throw this.failure
  }

  async withdraw(key: string): Promise<void> {
    this.calls.push(`withdraw ${key}`)
  }

  async *findProviders(key: string): AsyncIterable<string> {
    this.calls.push(`find ${key}`)
    yield* this.providers.get(key) ?? []
    if (this.failure !== undefined) throw this.failure
  }

  async put(key: string): Promise<number> {
    this.calls.push(`put ${key}`)
    return this.refusesPuts ? 0 : 3
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.calls.push(`get ${key}`)
    return this.values.get(key)
  }

  count(call: string): number {
    return this.calls.filter((made) => made.startsWith(call)).length
  }
}

/** Signatures are the signer's name: enough to tell a forgery here. */
export const hostOf = (peer: string): Host =>
  ({
    peer,
    sign: async () => new TextEncoder().encode(peer),
    verify: async (claimed: string, _bytes: Uint8Array, signature: Uint8Array) =>
      new TextDecoder().decode(signature) === claimed
  }) as Partial<Host> as Host

export async function blobOf(peer: string, expires: number, signer = peer): Promise<Uint8Array> {
  const record = {
    peer,
    name: '',
    region: undefined,
    zone: undefined,
    addresses: [`/memory/${peer}`],
    incarnation: 1,
    expires
  }
  return (await signRecord(record, async () => new TextEncoder().encode(signer))).blob
}

export const unreachable = new MeshError('ERR_PEER_UNREACHABLE', 'nobody is there')
