import type { Snapshot } from '../../core/consensus/types.ts'
import { attemptAll } from '../attempt-all.ts'
import type { Clock } from '../ports.ts'
import type { History } from './history.ts'
import type { Followed } from './types.ts'

interface Follower {
  /** The next index that it is told. */
  next: number
  readonly tell: (followed: Followed) => void
  over: boolean
}

export interface FollowersParts {
  readonly clock: Clock
  readonly history: History
  /** The latest that the state machine has or had. */
  snapshot(): Snapshot
}

/** Those who follow what is applied here, each at its own place, one batch a turn. */
export class Followers {
  readonly #parts: FollowersParts
  #all: Follower[] = []
  #scheduled = false

  constructor(parts: FollowersParts) {
    this.#parts = parts
  }

  add(from: number, tell: (followed: Followed) => void): () => void {
    const follower = { next: Math.max(1, from), tell, over: false }
    this.#all.push(follower)
    this.wake()
    return () => {
      follower.over = true
      this.#all = this.#all.filter((other) => other !== follower)
    }
  }

  /** Something was applied. They are told in a turn of their own, so that what one throws is no business of the replica's. */
  wake(): void {
    if (this.#scheduled || !this.#all.some((follower) => this.#behind(follower))) return
    this.#scheduled = true
    this.#parts.clock.endOfTurn(() => {
      this.#scheduled = false
      const due = this.#due()
      try {
        attemptAll(due, (follower) => this.#tell(follower))
      } finally {
        this.wake()
      }
    })
  }

  /** Of those who need the snapshot one: it may be large, and others have their turn in between. */
  #due(): Follower[] {
    const due = this.#all.filter((follower) => this.#behind(follower))
    const far = due.find((follower) => this.#needsSnapshot(follower))
    return due.filter((follower) => follower === far || !this.#needsSnapshot(follower))
  }

  stop(): void {
    for (const follower of this.#all.splice(0)) follower.over = true
  }

  #behind(follower: Follower): boolean {
    const { first, last } = this.#parts.history
    return follower.next <= last || (this.#needsSnapshot(follower) && first > 1)
  }

  #needsSnapshot({ next }: Follower): boolean {
    return next < this.#parts.history.first
  }

  /** `next` is moved first: whoever throws is not told the same again. */
  #tell(follower: Follower): void {
    const { history, snapshot } = this.#parts
    if (follower.over) return
    if (this.#needsSnapshot(follower)) {
      const { index, data } = snapshot()
      follower.next = index + 1
      follower.tell({ snapshot: data, index })
      return
    }
    const { applied, index } = history.read(follower.next)
    follower.next = index + 1
    if (applied.length > 0) follower.tell({ applied, index })
  }
}
