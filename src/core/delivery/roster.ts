/** Something that is open somewhere and knows its place there; -1 while it is not. */
export interface Enlisted {
  place: number
}

/** What is open now, in no order; a `Set` would keep what has left alive, as `NumberedTable` says of a `Map`. */
export class Roster<T extends Enlisted> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  add(member: T): void {
    member.place = this.#members.length
    this.#members.push(member)
  }

  /** Leaves alone what is not in it. */
  delete(member: T): void {
    const { place } = member
    if (place < 0) return
    member.place = -1
    const last = this.#members.pop()!
    if (last === member) return
    this.#members[place] = last
    last.place = place
  }

  /** What is in it now: deleting meanwhile is safe. */
  values(): T[] {
    return this.#members.slice()
  }
}
