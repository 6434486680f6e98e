import type { Snapshot } from './types.ts'
import { Window } from './window.ts'

/**
 * What a leader knows of one follower; the states are those of etcd's `tracker.Progress`.
 *
 * `probe`: where its log agrees is being found out, one append at a time. `replicate`: it agrees up to `match`, and
 * appends go out one after the other (pipelined and batched: thesis 10.2.2). `snapshot`: it lacks what the log does not have any more, and is sent the
 * snapshot; nothing else meanwhile.
 */
export class Progress {
  state: 'probe' | 'replicate' | 'snapshot' = 'probe'
  /** Up to here its log, on its disk, is the leader's. Never falls within a term. */
  match = 0
  /** The next entry to send; above `match`. In `replicate` those between are under way. */
  next: number
  /** No append until it gives a sign: one probe at a time, and none into a full window. */
  paused = false
  /** It was heard of since the last check of the quorum (thesis 6.2). A new follower is given the benefit of the doubt. */
  active = true
  /** The latest round of heartbeats that it has answered. */
  round = 0
  /** The commit index that it was told last, as far as it is known to have the entries. */
  sentCommit = 0
  /** In `snapshot`: what it is sent, how many bytes of it have arrived, whether any did since the last heartbeat. */
  snapshot: Snapshot | undefined
  received = 0
  moved = false
  readonly window: Window

  constructor(next: number, messages: number, bytes: number) {
    this.next = next
    this.window = new Window(messages, bytes)
  }

  toProbe(next = this.match + 1): void {
    this.#enter('probe')
    this.next = Math.max(next, this.match + 1)
    this.sentCommit = Math.min(this.sentCommit, this.match)
  }

  toReplicate(): void {
    this.#enter('replicate')
    this.next = this.match + 1
  }

  toSnapshot(snapshot: Snapshot): void {
    this.#enter('snapshot')
    this.snapshot = snapshot
    this.next = snapshot.index + 1
  }

  #enter(state: Progress['state']): void {
    this.state = state
    this.paused = false
    this.snapshot = undefined
    this.received = 0
    this.moved = false
    this.window.clear()
  }

  /** An append that ends with `last` is on its way; without entries, `last` is what it asks about. */
  sent(last: number, bytes: number, commit: number): void {
    this.sentCommit = Math.max(this.sentCommit, Math.min(commit, last))
    if (this.state === 'probe') {
      this.paused = true
      return
    }
    if (last < this.next) return
    this.next = last + 1
    this.window.add(last, bytes)
  }

  /** It has the log up to `index`. False where that is no news. */
  reached(index: number): boolean {
    this.window.free(index)
    if (index <= this.match) return false
    this.match = index
    this.next = Math.max(this.next, index + 1)
    return true
  }

  /** It does not have `prevIndex`; `candidate` may be where it agrees. False where the rejection is stale: of nothing that was sent since. */
  fallBack(prevIndex: number, candidate: number): boolean {
    if (this.state === 'snapshot' || prevIndex <= this.match || prevIndex >= this.next) return false
    if (this.state === 'probe' && prevIndex !== this.next - 1) return false
    // What was sent after a loss, or overtook what was before it, is sent again: where that goes on, less of it the next time.
    if (this.state === 'replicate') this.window.shrink()
    this.toProbe(Math.min(prevIndex, candidate + 1))
    return true
  }
}
