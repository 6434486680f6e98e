import type { KeyValueGroup } from '../../../../src/index.ts'
import { type Council, GONE } from './council.ts'

/** Those who read in a session: what they wrote themselves, and of others never less than before. */
export class Diarists {
  readonly #council: Council
  readonly #pages: string[] = []

  constructor(council: Council) {
    this.#council = council
  }

  async run(host: number): Promise<void> {
    const council = this.#council
    for (let life = 1, seat = await council.seat(host); seat !== undefined; seat = await council.seat(host), life++) {
      const page = `diary/${host}/${life}`
      this.#pages.push(page)
      const writing = new Diary(council, seat.registers, page, this.#pages)
      const { lives, gone } = seat
      while (!council.over && lives() && (await Promise.race([writing.turn(), gone])) !== GONE) {
        await council.mesh.sleep(council.play.chance.between(50, 400))
      }
    }
  }
}

class Diary {
  readonly #council: Council
  readonly #group: KeyValueGroup
  readonly #page: string
  readonly #pages: readonly string[]
  /** By page, in this session. */
  readonly #least = new Map<string, number>()
  #day = 0

  constructor(council: Council, group: KeyValueGroup, page: string, pages: readonly string[]) {
    this.#council = council
    this.#group = group
    this.#page = page
    this.#pages = pages
  }

  async turn(): Promise<void> {
    const { play } = this.#council
    const day = ++this.#day
    if (play.chance.happens(0.5)) await this.#write(day)
    await this.#read(this.#page)
    await this.#read(play.chance.pick(this.#pages))
  }

  async #write(day: number): Promise<void> {
    const { play, mesh } = this.#council
    const call = this.#group.propose(this.#page, day, { timeout: 2_000 })
    play.watch(mesh, `${this.#page}: day ${day}`, call)
    await call.then(
      () => void this.#least.set(this.#page, day),
      () => {}
    )
  }

  async #read(page: string): Promise<void> {
    const { play, mesh } = this.#council
    const consistency = play.chance.pick(['session', 'session', 'strong'] as const)
    const call = this.#group.read(page, { consistency, timeout: 2_000 })
    play.watch(mesh, `${this.#page}: ${consistency} read of ${page}`, call)
    const found = await call.then(
      (value) => (value ?? 0) as number,
      () => undefined
    )
    if (found === undefined) return
    const least = this.#least.get(page) ?? 0
    play.must(found >= least, 'in a session nothing is read that is older than what was read or written before', {
      ...{ reader: this.#page, page, consistency, found, least }
    })
    this.#least.set(page, found)
  }
}
