/** The senders that one queue has asked to wait, by where they are and what they send: each is told once to go on. */
export class PausedSenders {
  readonly #resumes = new Map<object, Map<string, () => void>>()

  get size(): number {
    return this.#resumes.size
  }

  add(sender: object, flow: string, resume: () => void): void {
    const flows = this.#resumes.get(sender)
    if (flows === undefined) this.#resumes.set(sender, new Map([[flow, resume]]))
    else flows.set(flow, resume)
  }

  resume(): void {
    if (this.#resumes.size === 0) return
    const resumes = [...this.#resumes.values()].flatMap((flows) => [...flows.values()])
    this.#resumes.clear()
    for (const resume of resumes) resume()
  }
}
