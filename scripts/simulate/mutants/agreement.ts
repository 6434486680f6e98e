import type { Mutant } from './types.ts'

const promise = 'what is committed stays'
const scenario = 'raft'

export const agreement: readonly Mutant[] = [
  {
    name: 'a vote is answered before it is on disk',
    promise,
    scenario,
    seed: 186,
    file: 'src/core/consensus/election.ts',
    find: "state.send(from, { kind: 'vote-reply', pre, granted })",
    replace: "state.sendAtOnce(from, { kind: 'vote-reply', pre, granted })"
  },
  {
    name: 'a vote is forgotten at the restart',
    promise,
    scenario,
    seed: 94,
    file: 'src/core/consensus/state.ts',
    find: 'this.vote = hardState.vote',
    replace: 'this.vote = undefined'
  },
  {
    name: 'a candidate counts its own vote before it is on disk',
    promise,
    scenario,
    seed: 72,
    file: 'src/core/consensus/election.ts',
    find: 'state.becomeCandidate()\n  request(state, false, force)',
    replace: 'state.becomeCandidate()\n  state.votes.set(state.id, true)\n  request(state, false, force)\n  poll(state)'
  },
  {
    name: 'an entry of an earlier term is committed by counting',
    promise,
    scenario,
    seed: 107,
    file: 'src/core/consensus/commit.ts',
    find: 'if (index <= state.commit || state.log.term(index) !== state.term) return',
    replace: 'if (index <= state.commit) return'
  },
  {
    name: 'an append is taken without a look at the entry before',
    promise,
    scenario,
    seed: 2,
    file: 'src/core/consensus/replication.ts',
    find: 'if (!log.matches(prevIndex, prevTerm)) {',
    replace: 'if (log.last < prevIndex) {'
  },
  {
    name: 'an append that comes late cuts off what came after it',
    promise,
    scenario,
    seed: 2,
    file: 'src/core/consensus/log.ts',
    find: 'if (entry.index <= this.#offset || term === entry.term) continue',
    replace: 'if (entry.index <= this.#offset) continue'
  },
  {
    name: 'a snapshot that comes late takes the place of what is committed',
    promise,
    scenario,
    seed: 74,
    file: 'src/core/consensus/snapshot.ts',
    find: 'if (meta.index <= state.commit) {',
    replace: 'if (meta.index < 0) {'
  },
  {
    name: 'an append is answered before it is on disk',
    promise,
    scenario,
    seed: 16,
    file: 'src/core/consensus/replication.ts',
    find: "state.send(from, { kind: 'append-reply', index: last, rejected: undefined })",
    replace: "state.sendAtOnce(from, { kind: 'append-reply', index: last, rejected: undefined })"
  },
  {
    name: 'a leader counts what its own disk does not have yet',
    promise,
    scenario,
    seed: 25,
    file: 'src/core/consensus/state.ts',
    find: 'id === this.id ? this.log.writes.stable :',
    replace: 'id === this.id ? this.log.last :'
  },
  {
    name: 'of a joint configuration the new majority is enough to commit',
    promise,
    scenario,
    seed: 255,
    file: 'src/core/consensus/quorum.ts',
    find: 'return Math.min(majorityReached(voters, reached), majorityReached(outgoing, reached))',
    replace: 'return Math.min(majorityReached(voters, reached), majorityReached(outgoing, () => Infinity))'
  },
  {
    name: 'of a joint configuration the new majority is enough to lead',
    promise,
    scenario,
    seed: 307,
    file: 'src/core/consensus/quorum.ts',
    find: 'const results = [majorityVote(configuration.voters, votes), majorityVote(configuration.outgoing, votes)]',
    replace: 'const results = [majorityVote(configuration.voters, votes)]'
  },
  {
    name: 'a change of the voters is one step',
    promise,
    scenario,
    seed: 98,
    file: 'src/core/consensus/configuration.ts',
    find: 'outgoing: same ? [] : current.voters',
    replace: 'outgoing: same || current.voters.length > 0 ? [] : current.voters'
  },
  {
    name: 'a learner is counted',
    promise,
    scenario,
    seed: 255,
    file: 'src/core/consensus/quorum.ts',
    find: 'const { voters, outgoing } = configuration',
    replace: 'const { outgoing } = configuration\n  const voters = [...configuration.voters, ...configuration.learners]'
  },
  {
    name: 'what is cut off a log leaves its configuration behind',
    promise,
    scenario,
    seed: 3,
    file: 'src/core/consensus/log.ts',
    find: 'this.configurations.cutFrom(index)',
    replace: ''
  },
  {
    name: 'a read is served without a word from the others',
    promise,
    scenario,
    seed: 2,
    file: 'src/core/consensus/read-index.ts',
    find: 'reads.wait(context, state.commit)',
    replace: 'reads.confirm(context, state.commit)'
  },
  {
    name: 'a new leader serves reads before it knows what is committed',
    promise,
    scenario,
    seed: 2,
    file: 'src/core/consensus/read-index.ts',
    find: 'if (!knowsCommit(state)) {',
    replace: 'if (state.commit < 0) {'
  },
  {
    name: 'a lease outlives the leadership that was handed on',
    promise,
    scenario,
    seed: 442,
    file: 'src/core/consensus/transfer.ts',
    find: 'state.forced = true',
    replace: ''
  },
  {
    name: 'a leader does not give way to a later term',
    promise,
    scenario,
    seed: 6,
    file: 'src/core/consensus/raft.ts',
    find: 'if (!asks) state.becomeFollower(message.term, undefined)',
    replace: "if (!asks && state.role !== 'leader') state.becomeFollower(message.term, undefined)"
  },
  {
    name: 'whoever asks gets a vote, be its log behind',
    promise,
    scenario,
    seed: 2,
    file: 'src/core/consensus/log.ts',
    find: 'return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.last)',
    replace: 'return lastTerm >= this.lastTerm || lastIndex >= this.last'
  },
  {
    name: 'a snapshot of two leaders is put together',
    promise,
    scenario,
    seed: 2,
    file: 'src/core/consensus/snapshot.ts',
    find: 'if (offset === incoming.received) {',
    replace: 'if (offset >= 0) {'
  },
  {
    name: 'a write that was overtaken counts as made',
    promise,
    scenario,
    seed: 194,
    file: 'src/core/consensus/writes.ts',
    find: 'for (const batch of this.#underWay) batch.last = Math.min(batch.last, index - 1)',
    replace: ''
  }
]
