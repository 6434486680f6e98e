import type { ConsensusLock } from '../../../../src/index.ts'
import { type Council, GONE, type Seat } from './council.ts'

interface Holder {
  readonly seat: Seat
  readonly lock: ConsensusLock
}

/** A lock, those who want it, and what it protects. All clocks go at one pace, so who believes to hold it does. */
export class Door {
  readonly #council: Council
  #holder: Holder | undefined
  #highest = 0

  constructor(council: Council) {
    this.#council = council
  }

  async run(host: number): Promise<void> {
    const { mesh, play } = this.#council
    const { chance } = play
    for (let seat = await this.#council.seat(host); seat !== undefined; seat = await this.#council.seat(host)) {
      const wish = { ttl: chance.pick([300, 1_000, 3_000, 6_000]), timeout: chance.pick([1_000, 10_000]) }
      const call = seat.registers.lock('door', wish)
      play.watch(mesh, `the door for ${host}`, call)
      const harried = chance.happens(0.2)
      if (harried) void this.#harry(host, chance.between(0, 150))
      const lock = await Promise.race([call.catch(() => undefined), seat.gone])
      if (lock !== GONE && lock !== undefined) {
        if (harried) void this.#strand(host, chance.between(0, 100))
        else if (chance.happens(0.3)) void this.#strandLater(host)
        await this.#through({ seat, lock })
      }
      await mesh.sleep(chance.between(0, 500))
    }
  }

  /** Whoever had it is gone, has let go of it or loses it. */
  async judge(): Promise<void> {
    const { play, mesh, hosts } = this.#council
    const seat = this.#council.present(play.chance.pick(hosts))!
    const last = play.watch(mesh, 'the door, last of all', seat.registers.lock('door', { timeout: 60_000 }))
    await play.ended(mesh, [last], 'who waits for a lock gets it')
    play.must(last.resolved, 'who waits for a lock gets it', { error: last.error })
    this.#enter({ seat, lock: last.value! })
  }

  async #through(holder: Holder): Promise<void> {
    const { mesh, play } = this.#council
    const { chance } = play
    const { seat, lock } = holder
    // It may have been lost since it was had.
    if (!holds(holder)) return
    this.#enter(holder)
    for (let i = chance.below(6); i > 0; i--) {
      await mesh.sleep(chance.between(0, 600))
      if (!holds(holder)) return
      this.#use(holder)
    }
    this.#holder = undefined
    if (chance.happens(0.4)) return this.#linger(holder)
    const released = lock.release({ timeout: chance.pick([1_000, 5_000]) })
    play.watch(mesh, `${seat.host} leaves the door`, released)
    await Promise.race([released.catch(() => {}), seat.gone])
  }

  /** What it is told it is told late, by others than those who knew first. */
  async #harry(host: number, ms: number): Promise<void> {
    await this.#council.mesh.sleep(ms)
    this.#council.cutFromLeader(host, 'registers')
  }

  /** Whatever it believes to hold runs out. */
  async #strand(host: number, ms: number): Promise<void> {
    await this.#council.mesh.sleep(ms)
    this.#council.cutOff(host)
  }

  /** After a renewal that is answered late. */
  async #strandLater(host: number): Promise<void> {
    const { chance } = this.#council.play
    await this.#harry(host, chance.between(0, 2_500))
    await this.#strand(host, chance.between(500, 2_500))
  }

  /** It is held and renewed, until it is lost or given up. */
  async #linger(holder: Holder): Promise<void> {
    const { mesh, play } = this.#council
    this.#holder = holder
    for (const end = mesh.now + play.chance.between(0, 8_000); mesh.now < end && holds(holder); ) {
      await mesh.sleep(100)
      if (holds(holder)) this.#use(holder)
    }
    if (!holds(holder)) return
    this.#holder = undefined
    await Promise.race([holder.lock.release().catch(() => {}), holder.seat.gone])
  }

  #enter(holder: Holder): void {
    const { token } = holder.lock
    const { play } = this.#council
    const other = this.#holder
    play.must(other === undefined || !holds(other), 'a lock is held by one at a time', {
      ...{ token, host: holder.seat.host, other: other?.lock.token, otherHost: other?.seat.host }
    })
    play.must(token > this.#highest, 'a later holder’s token is greater', { token, highest: this.#highest })
    this.#highest = token
    this.#holder = holder
  }

  #use({ lock: { token }, seat: { host } }: Holder): void {
    const story = { token, host, highest: this.#highest }
    this.#council.play.must(token === this.#highest, 'what the lock protects sees no stale holder', story)
  }
}

function holds({ seat, lock }: Holder): boolean {
  return seat.lives() && !lock.lost.aborted
}
