import { MeshError } from '../../../protocols/errors.ts'
import { KIND } from '../../../protocols/overlay/constants.ts'
import type { Delta, OverlayMessage } from '../../../protocols/overlay/messages.ts'
import { type Verify, verifySignedRecord } from '../../../protocols/overlay/record.ts'
import type { MembershipMachine } from '../../core/membership/machine.ts'
import type { Link } from '../links/types.ts'

/** Bytes of one peer's frames that may wait for signatures to be verified. */
const MAX_WAITING_BYTES = 4 * 2 ** 20

interface Waiting {
  link: Link
  message: OverlayMessage
  bytes: number
}

/**
 * Hands messages to the machine in the order they came from each peer, records verified. Verification is asynchronous,
 * so what a peer sent after a delta waits for it; only probes, which carry no order, pass.
 */
export class Inbox {
  readonly #machine: MembershipMachine
  readonly #verify: Verify
  readonly #take: (from: string, message: OverlayMessage) => void
  readonly #queues = new Map<string, { waiting: Waiting[]; bytes: number }>()

  constructor(machine: MembershipMachine, verify: Verify, take: (from: string, message: OverlayMessage) => void) {
    this.#machine = machine
    this.#verify = verify
    this.#take = take
  }

  /** Throws `ERR_LIMIT` where the peer sends faster than its records can be verified. */
  push(link: Link, message: OverlayMessage, bytes: number): void {
    const queue = this.#queues.get(link.peer)
    if (queue === undefined && (message.kind !== 'delta' || this.#unverified(message).length === 0)) {
      this.#finish(link, message, bytes)
      return
    }
    if (isProbe(message)) {
      this.#finish(link, message, bytes)
      return
    }
    if (queue === undefined) {
      const fresh = { waiting: [{ link, message, bytes }], bytes }
      this.#queues.set(link.peer, fresh)
      void this.#drain(link.peer, fresh)
      return
    }
    if (queue.bytes + bytes > MAX_WAITING_BYTES) throw new MeshError('ERR_LIMIT', 'too many records at once')
    queue.bytes += bytes
    queue.waiting.push({ link, message, bytes })
  }

  async #drain(peer: string, queue: { waiting: Waiting[]; bytes: number }): Promise<void> {
    for (let next = queue.waiting.shift(); next !== undefined; next = queue.waiting.shift()) {
      const { link, message, bytes } = next
      queue.bytes -= bytes
      try {
        if (message.kind === 'delta') await this.#verifyAll(message)
        this.#finish(link, message, bytes)
      } catch (error) {
        link.abort(error instanceof Error ? error : new MeshError('ERR_UNTRUSTED', String(error)))
      }
    }
    this.#queues.delete(peer)
  }

  async #verifyAll(delta: Delta): Promise<void> {
    await Promise.all(this.#unverified(delta).map((record) => verifySignedRecord(record.blob, this.#verify)))
  }

  #unverified(delta: Delta): { blob: Uint8Array }[] {
    return delta.items.flatMap(({ record }) =>
      record === undefined || this.#machine.holds(record.record) ? [] : [record]
    )
  }

  #finish(link: Link, message: OverlayMessage, bytes: number): void {
    if (isCounted(message)) link.consumed(bytes)
    this.#take(link.peer, message)
  }
}

/** What uses credit: the frames that can be large. */
export const COUNTED_KINDS: ReadonlySet<number> = new Set([KIND.digest, KIND.delta])

export function isCounted({ kind }: OverlayMessage): boolean {
  return COUNTED_KINDS.has(KIND[kind])
}

function isProbe({ kind }: OverlayMessage): boolean {
  return kind === 'ping' || kind === 'pong' || kind === 'pingRequest' || kind === 'pingResponse'
}
