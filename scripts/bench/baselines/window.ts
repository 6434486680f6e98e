/** Bounds what is outstanding: a sender takes a place for each message and waits while there is none. */
export class Window {
  readonly #size: number
  #free: (() => void) | undefined
  #empty: (() => void) | undefined
  readonly outstanding = new Map<string, number>()

  constructor(size: number) {
    this.#size = size
  }

  get full(): boolean {
    return this.outstanding.size >= this.#size
  }

  take(id: string, at: number): void {
    this.outstanding.set(id, at)
  }

  /** Gives the place back and tells when it was taken. */
  give(id: string): number {
    const at = this.outstanding.get(id)
    if (at === undefined) throw new Error(`nothing outstanding has the id ${id}`)
    this.outstanding.delete(id)
    this.#free?.()
    if (this.outstanding.size === 0) this.#empty?.()
    return at
  }

  free(): Promise<void> {
    if (!this.full) return Promise.resolve()
    return new Promise((resolve) => {
      this.#free = resolve
    })
  }

  empty(): Promise<void> {
    if (this.outstanding.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#empty = resolve
    })
  }
}
