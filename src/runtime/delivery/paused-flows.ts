/** Flows that one peer may have paused: past it a pause is ignored, and the peer's credit is what holds its senders. */
const MOST_PAUSED = 16_384

/** Whoever asked for the pause: a link, or a queue of this node. */
type Holder = object

interface Pause {
  readonly over: PromiseWithResolvers<void>
  readonly holders: Set<Holder>
}

/**
 * Flows whose queue is above its high watermark: their senders here wait until it is below the low one. Invariant: a flow
 * is paused while anybody that asked for it has neither taken it back nor gone.
 */
export class PausedFlows {
  readonly #paused = new Map<string, Map<string, Pause>>()

  /** Peers with paused flows. */
  get size(): number {
    return this.#paused.size
  }

  pause(peer: string, flow: string, holder: Holder): void {
    let flows = this.#paused.get(peer)
    if (flows === undefined) this.#paused.set(peer, (flows = new Map()))
    const known = flows.get(flow)
    if (known !== undefined) known.holders.add(holder)
    else if (flows.size < MOST_PAUSED) flows.set(flow, { over: Promise.withResolvers(), holders: new Set([holder]) })
  }

  resume(peer: string, flow: string, holder: Holder): void {
    const flows = this.#paused.get(peer)
    const pause = flows?.get(flow)
    if (flows === undefined || !pause?.holders.delete(holder) || pause.holders.size > 0) return
    flows.delete(flow)
    if (flows.size === 0) this.#paused.delete(peer)
    pause.over.resolve()
  }

  /** The link over which it asked is gone: whoever waits for nobody else tries again. */
  forget(peer: string, holder: Holder): void {
    for (const flow of [...(this.#paused.get(peer)?.keys() ?? [])]) this.resume(peer, flow, holder)
  }

  forgetAll(): void {
    const pauses = [...this.#paused.values()].flatMap((flows) => [...flows.values()])
    this.#paused.clear()
    for (const { over } of pauses) over.resolve()
  }

  /** Undefined where nobody has to wait. */
  waitFor(peer: string, flow: string): Promise<void> | undefined {
    return this.#paused.size === 0 ? undefined : this.#paused.get(peer)?.get(flow)?.over.promise
  }
}
