/** What is to happen when, in whole ms; what falls together happens in the order in which it was put down. */
export class Agenda {
  now = 0
  readonly #slots = new Map<number, (() => void)[]>()

  after(delay: number, work: () => void): void {
    const at = this.now + Math.max(1, Math.round(delay))
    const slot = this.#slots.get(at)
    if (slot === undefined) this.#slots.set(at, [work])
    else slot.push(work)
  }

  run(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now++
      const slot = this.#slots.get(this.now)
      this.#slots.delete(this.now)
      if (slot !== undefined) for (const work of slot) work()
    }
  }
}
