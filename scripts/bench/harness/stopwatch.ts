import { cpuSecondsOf } from './other-process.ts'

/** Wall time since it was made, and the processor time that this process and `others`, given by id, took since then. */
export class Stopwatch {
  readonly from = process.hrtime.bigint()
  readonly #cpu = process.cpuUsage()
  readonly #others: readonly { pid: number; before: number }[]

  constructor(others: readonly number[] = []) {
    this.#others = others.map((pid) => ({ pid, before: cpuSecondsOf(pid) }))
  }

  get seconds(): number {
    return Number(process.hrtime.bigint() - this.from) / 1e9
  }

  get cpuSeconds(): number {
    const { user, system } = process.cpuUsage(this.#cpu)
    const others = this.#others.reduce((sum, { pid, before }) => sum + cpuSecondsOf(pid) - before, 0)
    return (user + system) / 1e6 + others
  }
}
