import { agentKey, hostKey } from '../../../protocols/directory/keys.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { AnnouncementSchedule } from '../../core/directory/schedule.ts'
import type { Clock, Timer } from '../ports.ts'
import type { DirectoryInit, DirectoryOptions, ProviderTable } from './types.ts'

/** Does what the schedule says: puts our record, then announces names. */
export class Announcer {
  readonly #peer: string
  readonly #routing: ProviderTable
  readonly #clock: Clock
  readonly #ownRecord: DirectoryInit['ownRecord']
  readonly #schedule: AnnouncementSchedule
  readonly #renewAfter: number
  /** Whoever waits for the announcement of a name hears whether it was made. */
  readonly #known = new Map<string, Array<(error?: MeshError) => void> | 'announced'>()
  readonly #ending = new AbortController()
  #stored: { blob: Uint8Array; at: number } | undefined
  #storing: Promise<void> | undefined
  #timer: Timer | undefined
  #running = false

  constructor({ host, routing, clock, ownRecord }: DirectoryInit, options: DirectoryOptions) {
    this.#peer = host.peer
    this.#routing = routing
    this.#clock = clock
    this.#ownRecord = ownRecord
    this.#renewAfter = options.renewAfter
    this.#schedule = new AnnouncementSchedule({
      renewAfter: options.renewAfter,
      retryAfter: options.retryAfter,
      gap: 1_000 / options.announcementsPerSecond,
      concurrency: options.concurrency
    })
  }

  start(): void {
    this.#running = true
    this.#pump()
  }

  stop(): void {
    this.#running = false
    this.#timer?.cancel()
    this.#ending.abort()
    for (const name of this.#known.keys()) this.#giveUp(name, stopped())
  }

  provide(name: string): void {
    agentKey(name)
    if (!this.#known.has(name)) this.#known.set(name, [])
    this.#schedule.add(name, this.#clock.monotonic())
    this.#pump()
  }

  withdraw(name: string): void {
    this.#giveUp(name, new MeshError('ERR_NO_RESPONDERS', `'${name}' is not provided here any more`))
    this.#schedule.remove(name)
    this.#routing.withdraw?.(agentKey(name)).catch(() => {})
  }

  /** Calls back once the name was announced, or will not be; false where nobody provides it. */
  whenAnnounced(name: string, fn: (error?: MeshError) => void): boolean {
    const waiting = this.#known.get(name)
    if (this.#ending.signal.aborted) fn(stopped())
    else if (waiting === undefined) return false
    else if (waiting === 'announced') fn()
    else waiting.push(fn)
    return true
  }

  #pump(): void {
    if (!this.#running) return
    const now = this.#clock.monotonic()
    const name = this.#schedule.take(now)
    if (name !== undefined) void this.#announce(name)
    this.#timer?.cancel()
    const due = this.#schedule.nextDue()
    // One start each time: the next is due after the gap, or when this one ends.
    if (due !== undefined) this.#timer = this.#clock.after(Math.max(0, due - now), () => this.#pump())
  }

  async #announce(name: string): Promise<void> {
    let succeeded = false
    try {
      await this.#storeRecord()
      await this.#routing.provide(agentKey(name), { signal: this.#ending.signal })
      succeeded = true
    } catch {
      // Tried again by the schedule: nobody is there yet, or everybody refused.
    }
    this.#schedule.done(name, succeeded, this.#clock.monotonic())
    if (succeeded) this.#tell(name)
    this.#pump()
  }

  #tell(name: string): void {
    const waiting = this.#known.get(name)
    if (waiting === undefined) return
    this.#known.set(name, 'announced')
    if (waiting !== 'announced') for (const fn of waiting) fn()
  }

  #giveUp(name: string, error: MeshError): void {
    const waiting = this.#known.get(name)
    this.#known.delete(name)
    if (Array.isArray(waiting)) for (const fn of waiting) fn(error)
  }

  /** A provider record without addresses would lead nowhere: our record is stored first, and again when it changes. */
  #storeRecord(): Promise<void> {
    const now = this.#clock.monotonic()
    const blob = this.#ownRecord()?.blob
    if (blob !== undefined && this.#stored?.blob === blob && now - this.#stored.at < this.#renewAfter) {
      return Promise.resolve()
    }
    this.#storing ??= this.#put(blob, now).finally(() => {
      this.#storing = undefined
    })
    return this.#storing
  }

  async #put(blob: Uint8Array | undefined, now: number): Promise<void> {
    if (blob === undefined) throw new MeshError('ERR_STOPPED', 'The membership has not signed our record yet')
    const taken = await this.#routing.put(hostKey(this.#peer), blob, { signal: this.#ending.signal })
    if (taken === 0) throw new MeshError('ERR_PEER_UNREACHABLE', 'No peer took our host record')
    this.#stored = { blob, at: now }
  }
}

function stopped(): MeshError {
  return new MeshError('ERR_STOPPED', 'the node is stopped')
}
