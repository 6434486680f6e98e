import assert from 'node:assert/strict'
import { encodeHeartbeats, encodeMessage, type Frame, type Heartbeat } from '../../../protocols/raft/codec.ts'
import { RAFT } from '../../../protocols/raft/constants.ts'
import type { GroupMessage } from '../../../protocols/raft/messages.ts'
import { encodeCommand } from '../../../src/core/replicated/command.ts'
import { Cluster, type Host } from './group.ts'

const group = 'orders'
const TERM = 1_000

const COMMAND = encodeCommand({ session: 0, number: 0, oldest: 0, part: 'machine', body: 'forged' })

/** All that might depose a leader, or feed a log, said by whoever likes. */
function forgeries(self: string): Exclude<GroupMessage, { kind: 'heartbeat-reply' }>[] {
  const configuration = { voters: [self], outgoing: [], learners: [] }
  const entries = [
    { kind: 'configuration', configuration, index: 1, term: TERM },
    { kind: 'command', data: COMMAND, index: 2, term: TERM }
  ] as const
  const said = { group, term: TERM }
  return [
    { ...said, kind: 'heartbeat', commit: 2, round: 1 },
    { ...said, kind: 'append', prevIndex: 0, prevTerm: 0, entries, commit: 2 },
    { ...said, kind: 'vote', pre: false, force: true, lastIndex: TERM, lastTerm: TERM },
    { ...said, kind: 'vote-reply', pre: false, granted: true },
    { ...said, kind: 'append-reply', index: 9, rejected: undefined },
    { ...said, kind: 'snapshot-reply', index: 9, received: 1 },
    {
      ...{ ...said, kind: 'snapshot', meta: { index: TERM, term: TERM, configuration } },
      ...{ offset: 0, total: 1, data: Uint8Array.of(0) }
    },
    { ...said, kind: 'timeout-now' }
  ]
}

function frameOf(message: ReturnType<typeof forgeries>[number]): Frame {
  if (message.kind !== 'heartbeat') return encodeMessage(message)
  return encodeHeartbeats([message as Heartbeat])
}

function forge(from: Host, to: Host): void {
  for (const message of forgeries(from.peer)) {
    const { kind, body } = frameOf(message)
    const counted = message.kind === 'append' || message.kind === 'snapshot'
    from.links.to(to.peer, RAFT, 'normal').send(kind, body, counted)
  }
}

describe('a stranger to a group', () => {
  it('deposes no leader and feeds nobody, neither a voter nor a host that is no member yet', async () => {
    await using cluster = await Cluster.of(5, { voters: 3 })
    const [a, b, c, passive, stranger] = cluster.hosts as [Host, Host, Host, Host, Host]
    const leader = await cluster.leader()
    await cluster.propose('one')
    const { term } = leader.replica.status()
    const before = cluster.hosts.map(({ replica }) => replica.status())
    for (const to of [a, b, c, passive]) forge(stranger, to)
    await cluster.world.time.advance(5_000)
    for (const [i, { replica, ledger, events }] of [a, b, c, passive].entries()) {
      const now = replica.status()
      assert.deepEqual([now.term, now.last, now.leader], [before[i]!.term, before[i]!.last, before[i]!.leader])
      assert.deepEqual(now.configuration, before[i]!.configuration)
      assert.deepEqual(ledger.lines, i < 3 ? ['one'] : [])
      assert.deepEqual(events, [])
    }
    assert.equal((await cluster.leader()).replica.status().term, term)
    await cluster.propose('two')
  })
})
