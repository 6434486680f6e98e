import { closedError } from './failure.ts'
import type { Change, Store } from './types.ts'

/** The store of a node without a data folder: it forgets with the process. */
export function createMemoryStore(): Store {
  return new MemoryStore()
}

class MemoryStore implements Store {
  readonly durable = false
  readonly #values = new Map<string, { value: Uint8Array; version: number }>()
  #version = 0
  #closed = false

  async get(key: string): Promise<Uint8Array | undefined> {
    if (this.#closed) throw closedError()
    return this.#values.get(key)?.value
  }

  version(key: string): number {
    return this.#values.get(key)?.version ?? 0
  }

  async write(changes: readonly Change[]): Promise<void> {
    if (this.#closed) throw closedError()
    this.writeLater(changes)
  }

  writeLater(changes: readonly Change[]): void {
    if (this.#closed) return
    const version = ++this.#version
    for (const { key, value } of changes) {
      if (value === undefined) this.#values.delete(key)
      else this.#values.set(key, { value, version })
    }
  }

  async sync(): Promise<void> {
    if (this.#closed) throw closedError()
  }

  async *entries(prefix: string): AsyncGenerator<readonly [string, Uint8Array]> {
    if (this.#closed) throw closedError()
    const found = [...this.#values].filter(([key]) => key.startsWith(prefix))
    found.sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [key, { value }] of found) yield [key, value]
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#values.clear()
  }
}
