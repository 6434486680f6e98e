/** Wall and processor time of this process since it was made. */
export class Stopwatch {
  readonly from = process.hrtime.bigint()
  readonly #cpu = process.cpuUsage()

  get seconds(): number {
    return Number(process.hrtime.bigint() - this.from) / 1e9
  }

  get cpuSeconds(): number {
    const { user, system } = process.cpuUsage(this.#cpu)
    return (user + system) / 1e6
  }
}
