/** Targets that one peer may have paused: past it a pause is ignored, and the peer's credit is what holds its senders. */
const MOST_PAUSED = 16_384

/** Agents elsewhere whose queue is above its high watermark: their senders here wait until it is below the low one. */
export class PausedTargets {
  readonly #paused = new Map<string, Map<string, PromiseWithResolvers<void>>>()

  /** Peers with paused targets. */
  get size(): number {
    return this.#paused.size
  }

  pause(peer: string, target: string): void {
    let targets = this.#paused.get(peer)
    if (targets === undefined) this.#paused.set(peer, (targets = new Map()))
    if (!targets.has(target) && targets.size < MOST_PAUSED) targets.set(target, Promise.withResolvers())
  }

  resume(peer: string, target: string): void {
    const targets = this.#paused.get(peer)
    targets?.get(target)?.resolve()
    targets?.delete(target)
    if (targets?.size === 0) this.#paused.delete(peer)
  }

  /** The peer is gone, or was reset: whoever waits tries again. */
  forget(peer: string): void {
    const targets = this.#paused.get(peer)
    this.#paused.delete(peer)
    for (const { resolve } of targets?.values() ?? []) resolve()
  }

  forgetAll(): void {
    for (const peer of [...this.#paused.keys()]) this.forget(peer)
  }

  /** Undefined where nobody has to wait. */
  waitFor(peer: string, target: string): Promise<void> | undefined {
    return this.#paused.size === 0 ? undefined : this.#paused.get(peer)?.get(target)?.promise
  }
}
