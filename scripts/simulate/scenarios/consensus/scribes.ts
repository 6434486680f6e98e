import type { Proposed } from '../../../../src/index.ts'
import { type Council, GONE } from './council.ts'

/** Those who write lines into the ledger, each one a line of its own. */
export class Scribes {
  readonly #council: Council
  /** Where they stand. */
  readonly #acknowledged = new Map<string, number>()
  #lines = 0

  constructor(council: Council) {
    this.#council = council
  }

  async run(host: number): Promise<void> {
    const { mesh, play } = this.#council
    for (let seat = await this.#council.seat(host); seat !== undefined; seat = await this.#council.seat(host)) {
      const id = `${++this.#lines} of ${host}`
      const call = seat.ledger.propose({ id }, { timeout: play.chance.pick([500, 5_000, 20_000]) })
      play.watch(mesh, `line ${id}`, call)
      if (play.chance.happens(0.1)) this.#council.cutFromLeader(host, 'ledger')
      const proposed = await Promise.race([call.catch(() => undefined), seat.gone])
      if (proposed !== GONE && proposed !== undefined) this.#told(id, proposed)
      await mesh.sleep(play.chance.between(0, 300))
    }
  }

  #told(id: string, proposed: Proposed): void {
    const { play, truth } = this.#council
    const { index, result } = proposed
    const place = truth.placeOf(id)
    this.#acknowledged.set(id, place ?? 0)
    // The answer to what was sent again may come from the second place.
    play.must(place !== undefined && place <= index, 'what is acknowledged was applied', { id, place, index })
    play.must(result === 1, 'a proposal is applied once', { id, index, result })
  }

  /** Everybody can write again, without being told. */
  async heal(): Promise<void> {
    const { play, mesh, hosts } = this.#council
    for (const host of hosts) {
      const id = `last of ${host}`
      const last = play.watch(mesh, id, this.#council.present(host)!.ledger.propose({ id }, { timeout: 120_000 }))
      await play.ended(mesh, [last], 'all heals by itself')
      play.must(last.resolved, 'all heals by itself', { host, error: last.error })
      this.#told(id, last.value!)
    }
  }

  /** Every member has all that was acknowledged, once. */
  async judge(): Promise<void> {
    const { play, truth } = this.#council
    const lost = [...this.#acknowledged].filter(([id, place]) => truth.placeOf(id) !== place)
    play.must(lost.length === 0, 'what was acknowledged stays', { lost })
    for (const host of this.#council.members) await this.#judgeMember(host)
  }

  async #judgeMember(host: number): Promise<void> {
    const { play, mesh, truth } = this.#council
    const { ledger } = this.#council.present(host)!
    const isMember = (): boolean => ledger.status().role !== 'client'
    let has: string[] = []
    const all = truth.until(truth.last)
    const missing = () => ({ host, status: ledger.status(), missing: all.filter((id) => !has.includes(id)) })
    const end = mesh.now + PATIENCE
    while (isMember()) {
      has = (await mesh.run(ledger.read(undefined, { consistency: 'eventual' }))) as string[]
      if (has.join() === all.join()) return
      play.must(mesh.now < end, 'every member has the same ledger', missing())
      await mesh.advance(200)
    }
  }
}

/** ms: a guess, far above what a snapshot takes to come. */
const PATIENCE = 60_000
