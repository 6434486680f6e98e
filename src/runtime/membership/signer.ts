import { MAX_ADDRESSES } from '../../../protocols/overlay/constants.ts'
import type { OverlayRecord, SignedRecord } from '../../../protocols/overlay/messages.ts'
import { signRecord } from '../../../protocols/overlay/record.ts'
import type { Clock, Host, Timer } from '../ports.ts'

/** Signs our record, and signs it again at half of its life and when the addresses have changed. */
export class Signer {
  readonly #host: Host
  readonly #clock: Clock
  readonly #lifetime: number
  readonly #take: (signed: SignedRecord) => void
  #timer: Timer | undefined
  #record: OverlayRecord | undefined
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
    this.#record = record
    const signed = await signRecord(record, (bytes) => this.#host.sign(bytes))
    if (this.#stopped) return
    this.#timer?.cancel()
    this.#timer = this.#clock.after(this.#lifetime / 2, () => {
      this.sign(record, incarnation).catch(() => {})
    })
    this.#take(signed)
  }

  /** Addresses come and go after the start: of relays that were found or lost. Their order says nothing. */
  refresh(): void {
    const record = this.#record
    if (record === undefined || this.#stopped) return
    const now = new Set(this.#host.addresses().slice(0, MAX_ADDRESSES))
    if (now.size === record.addresses.length && record.addresses.every((address) => now.has(address))) return
    this.sign(record, record.incarnation).catch(() => {})
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }
}
