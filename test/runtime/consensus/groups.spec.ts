import assert from 'node:assert/strict'
import { MeshError } from '../../../protocols/errors.ts'
import { encodeMessage } from '../../../protocols/raft/codec.ts'
import { Kind, MAX_BEATS, RAFT } from '../../../protocols/raft/constants.ts'
import type { Message } from '../../../src/core/consensus/types.ts'
import { Outgoing } from '../../../src/runtime/consensus/outgoing.ts'
import { Replicas } from '../../../src/runtime/consensus/replicas.ts'
import type { Link, LinkHandler, Links } from '../../../src/runtime/links/types.ts'
import { createMemoryStore } from '../../../src/runtime/storage/memory-store.ts'
import { Cluster } from './group.ts'
import { Ledger } from './ledger.ts'

const nothing = (): void => {}

describe('many groups', () => {
  it('share the frames of their heartbeats, and of the replies', async () => {
    await using cluster = await Cluster.of(3)
    const groups = Array.from({ length: 60 }, (_, i) => `group ${i}`)
    for (const group of groups) await cluster.openAll(group)
    const led = (): boolean =>
      groups.every((group) => cluster.hosts.some(({ replicas }) => replicas.get(group)!.status().role === 'leader'))
    await cluster.until('all have leaders', led)
    await cluster.world.time.advance(3_000)
    cluster.frames.length = 0
    const SECONDS = 5
    await cluster.world.time.advance(SECONDS * 1_000)
    const pairs = new Map<string, number>()
    for (const { from, to, kind } of cluster.frames) {
      const key = `${from} > ${to}: ${kind}`
      pairs.set(key, (pairs.get(key) ?? 0) + 1)
    }
    // Ten ticks a second, each one frame to a peer, and one back.
    assert.ok(cluster.frames.length > 0)
    for (const [pair, count] of pairs) assert.ok(count <= SECONDS * 10 + 1, `${pair}: ${count}`)
    assert.ok(led())
    for (const group of groups) {
      const leader = cluster.hosts.find(({ replicas }) => replicas.get(group)!.status().role === 'leader')!
      await cluster.run(leader.replicas.get(group)!.propose(Buffer.from(group)))
    }
    for (const group of groups) {
      const lines = (): (string[] | undefined)[] => cluster.hosts.map(({ ledgers }) => ledgers.get(group)?.lines)
      await cluster.until('each has its own', () => lines().every((own) => own?.join() === group))
    }
  })

  it('drop and count what is for a group that is not open here, and what is malformed costs its stream', async () => {
    await using cluster = await Cluster.of(2)
    const [a, b] = cluster.hosts as [Cluster['hosts'][0], Cluster['hosts'][0]]
    const { kind, body } = encodeMessage({ kind: 'timeout-now', group: 'nowhere', term: 1 })
    a.links.to(b.peer, RAFT, 'control').send(kind, body, false)
    await cluster.until('it came', () => b.replicas.dropped === 1)
    a.links.to(b.peer, RAFT, 'control').send(kind, Uint8Array.of(0), false)
    await cluster.until('it is refused', () => b.links.refusals.get('ERR_MALFORMED') === 1)
    await cluster.propose('all the same')
    await cluster.agree(1)
  })
})

/** One voter alone under a clock that the test moves: it stands for election after 10 ticks. */
async function lone() {
  let now = 0
  let due: { at: number; fn: () => void } | undefined
  const turns: (() => void)[] = []
  const clock = {
    now: () => now,
    monotonic: () => now,
    after(ms: number, fn: () => void) {
      due = { at: now + ms, fn }
      return { cancel: nothing }
    },
    endOfTurn: (fn: () => void) => void turns.push(fn)
  }
  const store = createMemoryStore()
  const sent: { to: string; kind: number }[] = []
  const links: Links = {
    register: nothing,
    to: (to) => ({ send: (kind) => sent.push({ to, kind }) > 0 }) as Partial<Link> as Link
  }
  const parts = { self: 'a', clock, links, store: () => store, maxFrame: 2 ** 24, emit: nothing }
  const replicas = new Replicas({ ...parts, random: () => 0 })
  const replica = await replicas.open('alone', { voters: ['a'], state: new Ledger() })
  /** The timer fires, so many ms after its time. */
  const fire = async (late: number): Promise<void> => {
    const { at, fn } = due!
    now = Math.max(now, at + late)
    fn()
    await new Promise((resolve) => setImmediate(resolve))
    for (const turn of turns.splice(0)) turn()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { replica, replicas, fire, sent }
}

describe('the ticks of a node', () => {
  it('are never more than the time that has passed: a late timer is one tick', async () => {
    const { replica, fire } = await lone()
    for (let i = 0; i < 9; i++) await fire(10_000)
    assert.equal(replica.status().term, 0)
    await fire(0)
    await fire(0)
    assert.equal(replica.status().role, 'leader')
  })

  it('are never early: a timer that comes too soon is none', async () => {
    const { replica, fire } = await lone()
    // However often it does.
    for (let i = 0; i < 50; i++) await fire(-1)
    assert.equal(replica.status().term, 0)
    const { replica: other, fire: again } = await lone()
    for (let i = 0; i < 9; i++) {
      await again(-50)
      await again(0)
    }
    assert.equal(other.status().term, 0)
  })
})

describe('what comes over a link', () => {
  it('was said by the link’s peer, who is answered: nobody can speak for another', async () => {
    const { replica, replicas, sent } = await lone()
    const vote = { kind: 'vote', group: 'alone', term: 1, pre: true, force: false, lastIndex: 9, lastTerm: 1 } as const
    const { kind, body } = encodeMessage(vote)
    const said = async (peer: string) => {
      replicas.frame({ peer, direction: 'inbound' } as Link, kind, body)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await said('stranger')
    assert.deepEqual(sent, [])
    replica.vouchFor(['b'])
    await said('b')
    assert.deepEqual(sent, [{ to: 'b', kind: Kind.voteReply }])
  })
})

describe('what goes to links', () => {
  function ground(send: Link['send']) {
    const lost: string[] = []
    const lanes: string[] = []
    const links: Links = {
      register: (_: LinkHandler) => {},
      to: (peer, _, lane) => {
        lanes.push(lane)
        return { peer, send } as Link
      }
    }
    const outgoing = new Outgoing(links, (peer, group) => lost.push(`${peer} in ${group}`))
    return { outgoing, lost, lanes }
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  const append: Message = {
    ...{ kind: 'append', from: 'a', to: 'b', term: 1, prevIndex: 0, prevTerm: 0, entries: [], commit: 0 }
  }
  const beat: Message = { kind: 'heartbeat', from: 'a', to: 'b', term: 1, commit: 0, round: 1 }

  for (const code of ['ERR_QUEUE_FULL', 'ERR_LINK_CLOSED'] as const) {
    it(`is told as lost where the link says ${code}`, async () => {
      const { outgoing, lost } = ground(() => {
        throw new MeshError(code, 'no')
      })
      outgoing.send('one', append)
      assert.deepEqual(lost, ['b in one'])
      outgoing.send('one', beat)
      outgoing.send('two', beat)
      await settled()
      assert.deepEqual(lost.slice(1), ['b in one', 'b in two'])
    })
  }

  it('has the lane of its kind, and shares no more than a frame holds', async () => {
    const sent: number[] = []
    const { outgoing, lanes } = ground((kind) => {
      sent.push(kind)
      return true
    })
    const meta = { index: 1, term: 1, configuration: { voters: ['a'], outgoing: [], learners: [] } }
    const part: Message = {
      ...{ kind: 'snapshot', from: 'a', to: 'b', term: 1, meta, offset: 0, total: 1, data: new Uint8Array(1) }
    }
    outgoing.send('one', append)
    outgoing.send('one', part)
    for (let i = 0; i <= MAX_BEATS; i++) outgoing.send(`group ${i}`, beat)
    assert.deepEqual(lanes, ['normal', 'bulk'])
    await settled()
    assert.deepEqual(lanes.slice(2), ['control', 'control'])
    assert.deepEqual(sent, [Kind.append, Kind.snapshot, Kind.heartbeats, Kind.heartbeats])
  })
})
