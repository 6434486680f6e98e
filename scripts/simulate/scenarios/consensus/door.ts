import type { ConsensusLock } from '../../../../src/index.ts'
import { type Council, GONE, type Seat } from './council.ts'

interface Holder {
  readonly seat: Seat
  readonly lock: ConsensusLock
}

/** ms. */
const TTL = 3_000

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
      const wish = { ttl: chance.pick([300, 1_000, 3_000]), timeout: chance.pick([1_000, 10_000]) }
      const call = seat.registers.lock('door', wish)
      play.watch(mesh, `the door for ${host}`, call)
      const lock = await Promise.race([call.catch(() => undefined), seat.gone])
      if (lock !== GONE && lock !== undefined) await this.#through({ seat, lock })
      await mesh.sleep(chance.between(0, 500))
    }
  }

  /** Whoever had it is gone, has let go of it or loses it. Then the worst for a holder: what it is told comes late. */
  async judge(): Promise<void> {
    const last = await this.#council.mesh.run(this.#have(this.#council.play.chance.pick(this.#council.hosts), TTL))
    await this.#council.mesh.run(last.lock.release({ timeout: 60_000 }))
    this.#holder = undefined
    await this.#toldLate('grant')
    await this.#toldLate('renewal')
  }

  /**
   * An answer of the leader waits for a cut to be healed, and it is the last that the holder hears. The next in line gets the
   * lock when its ttl is over, and not sooner: the holder must not count from when it was told.
   */
  async #toldLate(what: 'grant' | 'renewal'): Promise<void> {
    const { mesh, play, hosts } = this.#council
    const { chance } = play
    const leader = this.#council.leaderOf('registers')!
    const [first, next] = chance.shuffled(hosts.filter((i) => i !== leader)) as [number, number]
    const others = hosts.filter((i) => i !== first)
    const had = this.#have(first, TTL)
    had.catch(() => {})
    if (what === 'renewal') {
      await mesh.run(had)
      await mesh.advance(TTL / 3 - 50)
    }
    await mesh.advance(chance.between(0, 250))
    mesh.partition([first], others)
    const passing = [
      had.then((holder) => this.#linger(holder, 3 * TTL)),
      this.#have(next, TTL).then((holder) => this.#linger(holder, 300))
    ]
    const passed = Promise.all(passing)
    passed.catch(() => {})
    await mesh.advance(chance.between(300, what === 'grant' ? 2_000 : 900))
    mesh.heal()
    await mesh.advance(chance.between(0, 400))
    mesh.partition([first], others)
    await mesh.advance(3 * TTL)
    mesh.heal()
    await mesh.run(passed, { limit: 120_000 })
  }

  async #have(host: number, ttl: number): Promise<Holder> {
    const { play, mesh } = this.#council
    const seat = this.#council.present(host)!
    const call = seat.registers.lock('door', { ttl, timeout: 60_000 })
    const watched = play.watch(mesh, `the door for ${host}`, call)
    const lock = await call.catch(() => undefined)
    play.must(lock !== undefined, 'who waits for a lock gets it', { host, error: watched.error })
    const holder = { seat, lock: lock! }
    if (holds(holder)) this.#enter(holder)
    return holder
  }

  async #through(holder: Holder): Promise<void> {
    const { mesh, play } = this.#council
    const { chance } = play
    const { seat, lock } = holder
    // It may have been lost since it was had.
    if (!holds(holder)) return
    this.#enter(holder)
    if (chance.happens(0.4)) return this.#linger(holder, chance.between(0, 8_000))
    for (let i = chance.below(6); i > 0; i--) {
      await mesh.sleep(chance.between(0, 600))
      if (!holds(holder)) return
      this.#use(holder)
    }
    this.#holder = undefined
    const released = lock.release({ timeout: chance.pick([1_000, 5_000]) })
    play.watch(mesh, `${seat.host} leaves the door`, released)
    await Promise.race([released.catch(() => {}), seat.gone])
  }

  /** It is held and renewed, until it is lost or given up. */
  async #linger(holder: Holder, ms: number): Promise<void> {
    const { mesh } = this.#council
    for (const end = mesh.now + ms; mesh.now < end && holds(holder); ) {
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
