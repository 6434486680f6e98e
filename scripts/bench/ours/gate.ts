/** Bounds how many calls are outstanding, as any caller with more to send than it wants to hold would. */
export class Gate {
  readonly #size: number
  #outstanding = 0
  #failure: unknown
  #wake: (() => void) | undefined

  constructor(size: number) {
    this.#size = size
  }

  /** Counts a call until it settles. */
  pass<T>(call: Promise<T>, done: (value: T) => void): void {
    this.#outstanding++
    call.then(
      (value) => {
        done(value)
        this.#left()
      },
      (error) => {
        this.#failure ??= error
        this.#left()
      }
    )
  }

  get full(): boolean {
    return this.#outstanding >= this.#size
  }

  /** Resolves when there is room for another call; throws what any call threw. */
  room(): Promise<void> {
    return this.#until(() => !this.full)
  }

  /** Resolves when no call is outstanding. */
  empty(): Promise<void> {
    return this.#until(() => this.#outstanding === 0)
  }

  async #until(met: () => boolean): Promise<void> {
    while (!met()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  #left(): void {
    this.#outstanding--
    this.#wake?.()
  }
}
