/** Agents elsewhere whose queue is above its high watermark: their senders here wait until it is below the low one. */
export class PausedTargets {
  readonly #paused = new Map<string, PromiseWithResolvers<void>>()

  get size(): number {
    return this.#paused.size
  }

  pause(peer: string, target: string): void {
    const key = `${peer} ${target}`
    if (!this.#paused.has(key)) this.#paused.set(key, Promise.withResolvers())
  }

  resume(peer: string, target: string): void {
    const key = `${peer} ${target}`
    this.#paused.get(key)?.resolve()
    this.#paused.delete(key)
  }

  /** The peer is gone, or was reset: whoever waits tries again. */
  forget(peer: string): void {
    for (const [key, { resolve }] of this.#paused) {
      if (!key.startsWith(`${peer} `)) continue
      this.#paused.delete(key)
      resolve()
    }
  }

  /** Undefined where nobody has to wait. */
  waitFor(peer: string, target: string): Promise<void> | undefined {
    return this.#paused.size === 0 ? undefined : this.#paused.get(`${peer} ${target}`)?.promise
  }
}
