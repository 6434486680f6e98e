import { MAX_ADDRESSES } from '../../../protocols/overlay/constants.ts'
import type { OverlayRecord, SignedRecord } from '../../../protocols/overlay/messages.ts'
import { signRecord } from '../../../protocols/overlay/record.ts'
import type { Clock, Host, Timer } from '../ports.ts'

/** Signs our record, and signs it again at half of its life, with the addresses of then. */
export class Signer {
  readonly #host: Host
  readonly #clock: Clock
  readonly #lifetime: number
  readonly #take: (signed: SignedRecord) => void
  #timer: Timer | undefined
  #stopped = false

  constructor(host: Host, clock: Clock, lifetime: number, take: (signed: SignedRecord) => void) {
    this.#host = host
    this.#clock = clock
    this.#lifetime = lifetime
    this.#take = take
  }

  /** Every record expires later than the one before, whatever the wall clock does: the later counts. */
  async sign(former: OverlayRecord, incarnation: number): Promise<void> {
    this.#stopped = false
    const expires = Math.max(former.expires + 1, Math.floor(this.#clock.now() + this.#lifetime))
    const addresses = this.#host.addresses().slice(0, MAX_ADDRESSES)
    const record = { ...former, addresses, incarnation, expires }
    const signed = await signRecord(record, (bytes) => this.#host.sign(bytes))
    if (this.#stopped) return
    this.#timer?.cancel()
    this.#timer = this.#clock.after(this.#lifetime / 2, () => {
      this.sign(record, incarnation).catch(() => {})
    })
    this.#take(signed)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }
}
