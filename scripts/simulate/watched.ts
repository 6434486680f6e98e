/** What became of a promise, and when: virtual ms. */
export class Watched<T> {
  readonly what: string
  readonly began: number
  ended: number | undefined
  value: T | undefined
  /** What it was rejected with. */
  error: (Error & { code?: string }) | undefined

  constructor(what: string, promise: Promise<T>, now: () => number, told: (end: string) => void) {
    this.what = what
    this.began = now()
    promise.then(
      (value) => {
        this.ended = now()
        this.value = value
        told('resolved')
      },
      (error: Error & { code?: string }) => {
        this.ended = now()
        this.error = error
        told(error.code ?? String(error))
      }
    )
  }

  get resolved(): boolean {
    return this.ended !== undefined && this.error === undefined
  }
}
