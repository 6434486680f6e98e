import type { Mutant } from './types.ts'

const promise = 'a group is as one'
const scenario = 'consensus'

/** Of what drives the machine of Raft, and of its clients. */
export const council: readonly Mutant[] = [
  {
    name: 'what must wait for the disk is sent before',
    promise,
    scenario,
    seed: 8,
    file: 'src/runtime/consensus/persistence.ts',
    find: 'const pending = { number: write?.number, messages, snapshot',
    replace:
      'for (const message of messages) this.#parts.send(message)\n    const pending = { number: write?.number, messages: [], snapshot'
  },
  {
    name: 'a write counts as made when it is handed to the disk',
    promise,
    scenario,
    seed: 3,
    file: 'src/runtime/consensus/persistence.ts',
    find: 'const made = write === undefined || !write.sync',
    replace: 'const made = true'
  },
  {
    name: 'the log goes before the snapshot that stands for it is on disk',
    promise,
    scenario,
    seed: 8,
    file: 'src/runtime/consensus/raft-store.ts',
    find: 'if (!isNews()) return false\n    const parts',
    replace: `if (!isNews()) return false
    const gone = this.#kept.filter((last) => last <= snapshot.index).length
    await this.#store.write(Array.from({ length: gone }, (_, i) => ({ key: this.#keys.record(this.#base.first + i), value: undefined })))
    const parts`
  },
  {
    name: 'a snapshot has forgotten what sessions had done',
    promise,
    scenario,
    seed: 89,
    file: 'src/core/replicated/session.ts',
    find: 'return [this.number, this.nonce, this.used, this.#oldest, outcomes]',
    replace: 'return [this.number, this.nonce, this.used, this.#oldest, []]'
  },
  {
    name: 'what is sent again has a new number',
    promise,
    scenario,
    seed: 8,
    file: 'src/runtime/consensus/client/proposals.ts',
    find: 'proposal.ask = ask',
    replace: `proposal.ask = ask
    const first = (ask.call as { command: Uint8Array }).command
    Object.defineProperty(ask.call, 'command', {
      enumerable: true,
      get: () =>
        ask.attempts < 2
          ? first
          : encodeCommand({ session: session.session, number: session.take() ?? number, oldest: session.oldest, part, body })
    })`
  },
  {
    name: 'the holder of a lock counts its ttl from the answer',
    promise,
    scenario,
    seed: 3,
    file: 'src/node/consensus/holding.ts',
    find: 'return new Holding({ client, clock, name, token: value, ttl, sentAt })',
    replace: 'return new Holding({ client, clock, name, token: value, ttl, sentAt: clock.monotonic() })'
  },
  {
    name: 'the holder of a lock counts its renewal from the answer',
    promise,
    scenario,
    seed: 6,
    file: 'src/node/consensus/holding.ts',
    find: 'if (value === true) this.#renewed(sentAt)',
    replace: 'if (value === true) this.#renewed(clock.monotonic() + 0 * sentAt)'
  },
  {
    name: 'a strong read does not wait for its index',
    promise,
    scenario,
    seed: 7,
    file: 'src/runtime/consensus/client/group-reads.ts',
    find: '!this.isLeftOut(done) && this.#soon(done.index)',
    replace: '!this.isLeftOut(done)'
  },
  {
    name: 'a strong read shares an index that was asked for before it began',
    promise,
    scenario,
    seed: 3,
    file: 'src/runtime/consensus/client/group-reads.ts',
    find: 'waiting !== undefined && waiting.ask.attempts === 0 && !waiting.ask.settled',
    replace: 'waiting !== undefined && !waiting.ask.settled'
  },
  {
    name: 'an answer that was prepared counts whatever was committed since',
    promise,
    scenario,
    seed: 21,
    file: 'src/runtime/consensus/client/leader-reads.ts',
    find: 'value !== undefined && at >= index',
    replace: 'value !== undefined && at >= 0 * index'
  },
  {
    name: 'a read in a session takes what its own replica has',
    promise,
    scenario,
    seed: 1,
    file: 'src/runtime/consensus/client/group-reads.ts',
    find: "if (consistency === 'eventual' || this.#replica.applied >= this.#seen) return true",
    replace: "if (consistency !== 'strong') return true"
  },
  {
    name: 'of what a watch is told together it is told the first',
    promise,
    scenario,
    seed: 1,
    file: 'src/runtime/consensus/client/long-polls.ts',
    find: 'waiter.done(next, pack([null, ...entries]))',
    replace: 'waiter.done(next, pack([null, ...entries.slice(0, 1)]))'
  },
  {
    name: 'what was applied before a leader’s snapshot stays beside it',
    promise,
    scenario,
    seed: 7,
    file: 'src/runtime/consensus/applier.ts',
    find: 'this.history.restart(index + 1)',
    replace: ''
  },
  {
    name: 'the keeper of locks is content with half of the ttl',
    promise,
    scenario,
    seed: 1,
    file: 'src/runtime/consensus/client/lock-keeper.ts',
    find: 'at: now + ttl, slot: -1',
    replace: 'at: now + ttl / 2, slot: -1'
  },
  {
    name: 'a vote without an entry is not written',
    promise,
    scenario,
    seed: 3,
    file: 'src/runtime/consensus/raft-store.ts',
    find: 'const value = encodeLogRecord({ hardState, entries })',
    replace: 'const value = encodeLogRecord({ hardState: entries.length > 0 ? hardState : undefined, entries })'
  }
]
