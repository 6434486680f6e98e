import type { KeyValueGroup, MeshError } from '../../../../src/index.ts'
import { check } from '../../linearizability/check.ts'
import type { Operation } from '../../linearizability/history.ts'
import { verdictText } from '../../linearizability/report.ts'
import { type Council, GONE, type Seat } from './council.ts'

const KEYS = ['a', 'b', 'c']

/** Configurations of a search: a hundred times what histories of this length take that are linearizable. */
const LIMIT = 200_000

type Asked = Pick<Operation, 'op' | 'key' | 'value'>

/** Clients of a few registers, each of which asks one thing after the other, and what they saw. */
export class RegisterClients {
  readonly #council: Council
  readonly #history: Operation[] = []
  /** Counts starts and ends: no two fall together. */
  #time = 0
  #values = 0

  constructor(council: Council) {
    this.#council = council
  }

  async run(host: number, client: string): Promise<void> {
    const council = this.#council
    const { mesh } = council
    const { chance } = council.play
    let known: unknown
    for (let seat = await council.seat(host); seat !== undefined; seat = await council.seat(host)) {
      const asked = this.#any(known)
      const result = await this.#ask(client, asked, seat, chance.pick([1_000, 5_000]))
      if (asked.op === 'read' && result !== undefined) known = result
      await mesh.sleep(chance.between(0, 200))
    }
  }

  #any(known: unknown): Asked {
    const { chance } = this.#council.play
    const key = chance.pick(KEYS)
    if (chance.happens(0.4)) return { op: 'read', key }
    const value = chance.happens(0.1) ? null : ++this.#values
    if (chance.happens(0.5)) return { op: 'write', key, value }
    return { op: 'cas', key, value: [known ?? null, value] }
  }

  /** What it was told; undefined where it was not. */
  async #ask(client: string, asked: Asked, { registers, gone }: Seat, timeout: number): Promise<unknown> {
    const { play, mesh } = this.#council
    const operation = { client, ...asked, start: ++this.#time }
    const call = perform(registers, asked, timeout)
    const { op, key, value } = asked
    play.watch(mesh, `client ${client}: ${op} ${key} ${JSON.stringify(value)}`, call)
    try {
      const result = await Promise.race([call, gone])
      if (result === GONE) this.#unknown(operation)
      else {
        this.#history.push({ ...operation, end: ++this.#time, result })
        return result
      }
    } catch (error) {
      // It was never sent.
      if ((error as MeshError).code !== 'ERR_QUEUE_FULL') this.#unknown(operation)
    }
    return undefined
  }

  #unknown(operation: Omit<Operation, 'end'>): void {
    if (operation.op !== 'read') this.#history.push({ ...operation, end: null })
  }

  /** Reads all once more, from everywhere, and judges what was seen. */
  async judge(): Promise<void> {
    const { play, mesh, hosts } = this.#council
    for (const host of hosts) {
      const seat = this.#council.present(host)!
      for (const key of KEYS) {
        const read = await mesh.run(this.#ask(`last of ${host}`, { op: 'read', key }, seat, 60_000))
        play.must(read !== undefined, 'a strong read is answered once the faults have ended', { host, key })
      }
    }
    for (const verdict of check(this.#history, LIMIT)) {
      const story = { verdict: verdictText(verdict) }
      play.must(verdict.answer !== 'undecided', 'every history of a key is judged', story)
      play.must(verdict.answer === 'linearizable', 'linearizability: some order explains what clients saw', story)
    }
  }
}

async function perform(group: KeyValueGroup, { op, key, value }: Asked, timeout: number): Promise<unknown> {
  if (op === 'read') return (await group.read(key, { timeout })) ?? null
  if (op === 'cas') {
    const [expected, next] = (value as unknown[]).map((one) => one ?? undefined)
    return group.compareAndSet(key, expected, next, { timeout })
  }
  await group.propose(key, value ?? undefined, { timeout })
  return true
}
