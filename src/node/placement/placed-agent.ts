import { MeshError } from '../../../protocols/errors.ts'
import type { Inbox } from '../../agent/inbox.ts'
import type { GroupClient } from '../../runtime/consensus/client/group-client.ts'
import type { Clock } from '../../runtime/ports.ts'
import { MEMBERS, type PlacementRecord, recordOf } from './record.ts'

export interface PlacedAgentParts {
  readonly name: string
  readonly self: string
  readonly client: GroupClient
  readonly clock: Clock
  readonly inbox: Pick<Inbox, 'hold' | 'resume' | 'receiving' | 'handBack'>
  /** Throws `ERR_LIMIT`; resolves once the mesh finds it here. */
  up(): Promise<void>
  /** It does not any more. */
  down(): void
  /** Whether the host is there and has the agent registered, active or not; whether it is known to be active there. */
  mayHave(peer: string): boolean
  isUp(peer: string): boolean
}

/** ms that handlers have to end before their agent goes on elsewhere. A guess: two attempts. What takes longer ends here: its lock keeps its message to it. */
const DRAIN = 10_000
/** ms between two looks at what nobody tells: whether handlers have ended; whether another host is there. */
const LOOK = 5
const AGAIN = 500
/** ms that the old host must have been gone for the new one to take over without it. A guess: one that was just met is known by then. */
const GONE = 2_000
/** ms that the old host waits to see the agent at the new one: what is handed back before has nowhere to go. A guess. */
const FOUND = 5_000
/** ms of one question to the group. */
const WAIT = 5_000

/**
 * An agent that is active only where the group has it on record. Told of its place, it is up or down; told that it is to move, its
 * host begins nothing new, waits for what is being handled, puts the move on record and hands back what waits once the agent is seen
 * at the new host. Where the old host is gone the new one puts the move on record.
 *
 * That each effect happens once does not rest on this, but on the locks of deliveries and the versions of the state: an old host that
 * does not know yet that it is one can record no message that the new one has handled, nor the other way round.
 *
 * Invariants: only `#act` changes `#active`, one step at a time; it looks at `#record`, the latest, before each step.
 */
export class PlacedAgent {
  readonly #parts: PlacedAgentParts
  readonly #ending = new AbortController()
  readonly #known = Promise.withResolvers<void>()
  /** As told last, of those told the latest. */
  #record: PlacementRecord | undefined
  #active = false
  #acting: Promise<void> | undefined
  /** Ends a pause of `#act`. */
  #wake: (() => void) | undefined

  constructor(parts: PlacedAgentParts) {
    this.#parts = parts
    this.#known.promise.catch(() => {})
    void this.#follow()
  }

  /** Resolves once it is known where it is placed, and it is up where that is here. */
  get known(): Promise<void> {
    return this.#known.promise
  }

  close(): void {
    this.#ending.abort()
    this.#wake?.()
    this.#known.reject(new MeshError('ERR_STOPPED', `the agent ${this.#parts.name} is closed`))
    this.#goDown()
  }

  get #closed(): boolean {
    return this.#ending.signal.aborted || this.#parts.client.closed
  }

  async #follow(): Promise<void> {
    const { client, clock, name } = this.#parts
    const { signal } = this.#ending
    let known: Uint8Array = new Uint8Array(0)
    while (!this.#closed) {
      try {
        known = await client.changed(MEMBERS, { placement: name }, known, { signal })
        this.#told(recordOf(known))
      } catch (error) {
        if (!(error instanceof MeshError)) throw error
        if (!this.#closed) await new Promise<void>((resolve) => void clock.after(AGAIN, resolve))
      }
    }
  }

  /** What is older than what is known is news of somebody who does not lead any more. */
  #told(record: PlacementRecord | undefined): void {
    if (record !== undefined && record.since < (this.#record?.since ?? 0)) return
    this.#record = record
    this.#wake?.()
    this.#acting ??= this.#act().finally(() => {
      this.#acting = undefined
      this.#known.resolve()
    })
  }

  /** Until all is as the record has it. */
  async #act(): Promise<void> {
    const { self } = this.#parts
    while (!this.#closed) {
      const record = this.#record
      const here = record?.at === self
      try {
        if (here && record.to === undefined) await this.#goUp()
        else if (here) await this.#handOver(record)
        else this.#goDown()
        if (!here && record?.to === self) {
          this.#known.resolve()
          await this.#takeOver(record)
        }
      } catch (error) {
        // The group has no majority, or somebody else was first: what is told next says so.
        if (!(error instanceof MeshError)) throw error
        if (!this.#closed && this.#record === record) await this.#pause(AGAIN)
        continue
      }
      if (this.#record === record) return
    }
  }

  async #goUp(): Promise<void> {
    const { inbox, up } = this.#parts
    inbox.resume()
    if (this.#active) return
    const announced = up()
    this.#active = true
    await announced
  }

  #goDown(): void {
    if (!this.#active) return
    this.#active = false
    const { name, inbox, down } = this.#parts
    down()
    inbox.handBack(new MeshError('ERR_NO_RESPONDERS', `${name} is at another host now`, { details: { agent: name } }))
  }

  async #handOver(record: PlacementRecord): Promise<void> {
    const { name, self: from, client, clock, inbox, isUp } = this.#parts
    const to = record.to!
    if (!this.#parts.mayHave(to)) {
      await client.propose(MEMBERS, { moving: name, from, to: from }, { timeout: WAIT })
      await this.#changedFrom(record)
      return
    }
    inbox.hold()
    const end = clock.monotonic() + DRAIN
    while (inbox.receiving > 0 && clock.monotonic() < end && this.#record === record && !this.#closed) {
      await this.#pause(LOOK)
    }
    if (this.#record !== record || this.#closed) return
    await client.propose(MEMBERS, { move: name, from, to }, { timeout: WAIT })
    const found = clock.monotonic() + FOUND
    while (!isUp(to) && clock.monotonic() < found && !this.#closed) await this.#pause(LOOK)
    this.#goDown()
    await this.#changedFrom(record)
  }

  /** The old host moves it while it is there; when it is gone, this one does. */
  async #takeOver(record: PlacementRecord): Promise<void> {
    const { name, self: to, client, clock } = this.#parts
    const { at: from } = record
    let gone: number | undefined
    while (this.#record === record && !this.#closed) {
      if (this.#parts.mayHave(from)) gone = undefined
      else gone ??= clock.monotonic()
      if (gone !== undefined && clock.monotonic() - gone >= GONE) {
        await client.propose(MEMBERS, { move: name, from, to }, { timeout: WAIT })
        await this.#changedFrom(record)
        return
      }
      await this.#pause(AGAIN)
    }
  }

  /** What was put on record is told soon. */
  async #changedFrom(record: PlacementRecord): Promise<void> {
    if (this.#record === record && !this.#closed) await this.#pause(WAIT)
  }

  /** So long, or until something is told. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(ms, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}
