import { PUBLISH_SUBSCRIBE } from '../../../protocols/publish-subscribe/constants.ts'
import type { Link, Links } from '../links/types.ts'
import type { Clock, Timer } from '../ports.ts'

interface Peer {
  link: Link
  /** A `drained()` is under way. */
  waiting: boolean
  /** Has held up the publisher for too long: its frames are dropped until it drains. */
  stalled: boolean
  timer: Timer | undefined
}

/** The links that this node publishes over. A receiver that gives no credit slows the publisher, for `stall` ms at most. */
export class Outbound {
  readonly #links: Links
  readonly #clock: Clock
  readonly #stall: number
  readonly #peers = new Map<string, Peer>()
  onWritable: () => void = () => {}
  onDropped: (peer: string, reason: string) => void = () => {}

  constructor(links: Links, clock: Clock, stall: number) {
    this.#links = links
    this.#clock = clock
    this.#stall = stall
  }

  /** Undefined once the links are stopped. */
  #peer(peer: string): Peer | undefined {
    const known = this.#peers.get(peer)
    if (known !== undefined && !known.link.closed) return known
    known?.timer?.cancel()
    const link = this.#open(peer)
    if (link === undefined) return undefined
    const fresh = { link, waiting: false, stalled: false, timer: undefined }
    this.#peers.set(peer, fresh)
    return fresh
  }

  #open(peer: string): Link | undefined {
    try {
      return this.#links.to(peer, PUBLISH_SUBSCRIBE, 'normal')
    } catch {
      return undefined
    }
  }

  /** False while one of them should be waited for; `onWritable` says when to ask again. */
  ready(peers: readonly string[]): boolean {
    let ready = true
    for (const name of peers) {
      const peer = this.#peer(name)
      if (peer === undefined || peer.link.writable || peer.stalled) continue
      this.#wait(peer)
      ready = false
    }
    return ready
  }

  #wait(peer: Peer): void {
    if (peer.waiting) return
    peer.waiting = true
    peer.timer = this.#clock.after(this.#stall, () => {
      peer.stalled = true
      this.onWritable()
    })
    const done = () => {
      peer.waiting = false
      peer.stalled = false
      peer.timer?.cancel()
      this.onWritable()
    }
    peer.link.drained().then(done, done)
  }

  /** Sends a counted frame; a peer that cannot take it is told of by `onDropped`. Returns how many took it. */
  send(peers: readonly string[], kind: number, body: Uint8Array): number {
    let sent = 0
    for (const name of peers) {
      const peer = this.#peer(name)
      if (peer === undefined) this.onDropped(name, 'ERR_STOPPED')
      else if (peer.stalled && !peer.link.writable) this.onDropped(name, 'stalled')
      else if (this.#frame(name, peer.link, kind, body, true)) sent++
    }
    return sent
  }

  /** Sends a counted frame where the link has room for it now; where it has none, `onWritable` says when to try again. */
  offer(name: string, kind: number, body: Uint8Array): boolean {
    const peer = this.#peer(name)
    if (peer === undefined) return false
    if (!peer.link.writable) {
      this.#wait(peer)
      return false
    }
    try {
      peer.link.send(kind, body, true)
      return true
    } catch {
      // Closed meanwhile, or its queue is full of other frames: whoever offers tries again.
      return false
    }
  }

  /** Sends a frame that waits for no credit. */
  signal(peer: string, kind: number, body: Uint8Array): boolean {
    const link = this.#peer(peer)?.link
    return link !== undefined && this.#frame(peer, link, kind, body, false)
  }

  #frame(peer: string, link: Link, kind: number, body: Uint8Array, counted: boolean): boolean {
    try {
      link.send(kind, body, counted)
      return true
    } catch (error) {
      this.onDropped(peer, (error as { code?: string }).code ?? 'ERR_LINK_CLOSED')
      return false
    }
  }

  forget(peer: string): void {
    this.#peers.get(peer)?.timer?.cancel()
    this.#peers.delete(peer)
  }

  stop(): void {
    for (const peer of [...this.#peers.keys()]) this.forget(peer)
  }
}
