import assert from 'node:assert/strict'
import type { Followed } from '../../../src/runtime/consensus/types.ts'
import { Cluster, type Host } from './group.ts'

const numbered = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `line ${from + i}`)
const bytes = (line: string): Uint8Array => Buffer.from(line)

describe('a replica', () => {
  it('elects a leader with the others, commits what is proposed, and applies it everywhere', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    const committed = await cluster.propose('one', 'two', 'three!')
    const [first, second, third] = committed
    assert.deepEqual(first!.outcome, { ok: true, value: `${first!.index}: one` })
    assert.equal(second!.index, first!.index + 1)
    assert.deepEqual(third!.outcome, { ok: false, code: 'ERR_HANDLER', message: 'three!' })
    assert.deepEqual(await cluster.agree(2), ['one', 'two'])
    const leaders = cluster.hosts.map(({ replica }) => replica.status().leader)
    assert.equal(new Set(leaders).size, 1)
    assert.equal(cluster.hosts.filter(({ role }) => role === 'leader').length, 1)
  })

  it('refuses what only a leader may do, and says who leads', async () => {
    await using cluster = await Cluster.of(3)
    const leader = await cluster.leader()
    const follower = cluster.hosts.find((host) => host !== leader)!.replica
    await cluster.until('a leader is known', () => follower.status().leader === leader.peer)
    const refusal = { code: 'ERR_NOT_LEADER', retryable: true, details: { group: 'orders', leader: leader.peer } }
    await assert.rejects(follower.propose(bytes('x')), refusal)
    await assert.rejects(follower.readIndex(), refusal)
    await assert.rejects(follower.transfer(), refusal)
    await assert.rejects(follower.reconfigure({ voters: cluster.voters, learners: [] }), refusal)
  })

  it('follows again from its disk after a crash, and applies nothing twice', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    await cluster.propose(...numbered(5))
    await cluster.agree(5)
    const leader = await cluster.leader()
    const i = cluster.hosts.findIndex((host) => host !== leader)
    cluster.crash(i)
    await cluster.propose(...numbered(5, 5))
    await cluster.restart(i)
    await cluster.propose('last')
    assert.deepEqual(await cluster.agree(11), [...numbered(10), 'last'])
  })

  it('goes on under another leader when the leader dies, with all that was committed', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    await cluster.propose(...numbered(3))
    const first = await cluster.leader()
    cluster.crash(cluster.indexOf(first))
    await cluster.propose('after')
    const second = await cluster.leader()
    assert.notEqual(second.peer, first.peer)
    assert.deepEqual(await cluster.agree(4), [...numbered(3), 'after'])
    await cluster.restart(cluster.indexOf(first))
    assert.deepEqual(await cluster.agree(4), [...numbered(3), 'after'])
  })

  it('tells followers that a lone proposal is committed within ms, and of one in a burst with the next', async () => {
    await using cluster = await Cluster.of(3, { latency: [0, 1] })
    await cluster.propose('first')
    await cluster.agree(1)
    const leader = await cluster.leader()
    await cluster.world.time.advance(1_000)
    cluster.frames.length = 0
    await cluster.propose('lone')
    await cluster.world.time.advance(20)
    assert.deepEqual(new Set(cluster.hosts.map(({ ledger }) => ledger.lines.at(-1))), new Set(['lone']))
    const appends = (): number =>
      cluster.frames.filter(({ from, kind }) => from === leader.peer && kind === 0x12).length
    // To each of two: the entry, and that it is committed.
    assert.equal(appends(), 4)
    for (let i = 0; i < 20; i++) await cluster.run(leader.replica.propose(bytes(`burst ${i}`)))
    assert.ok(appends() <= 4 + 2 * 20 + 20, `${appends()} appends`)
    await cluster.agree(22)
  })

  it('remembers all that was committed when every host dies at once', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    await cluster.propose(...numbered(20))
    for (const i of [0, 1, 2]) cluster.crash(i)
    for (const i of [0, 1, 2]) await cluster.restart(i)
    await cluster.propose('after')
    assert.deepEqual(await cluster.agree(21), [...numbered(20), 'after'])
  })

  it('refuses proposals whose fate nobody will know when leadership is lost', async () => {
    await using cluster = await Cluster.of(3)
    const leader = await cluster.leader()
    const others = cluster.hosts.filter((host) => host !== leader)
    for (const { label } of others) cluster.world.cut(leader.label, label)
    const lost = assert.rejects(leader.replica.propose(bytes('lost')), { code: 'ERR_PROPOSAL_LOST', retryable: true })
    const unread = assert.rejects(leader.replica.readIndex(), { code: 'ERR_NOT_LEADER', retryable: true })
    await cluster.until('the leader gives up', () => leader.role !== 'leader')
    await cluster.run(Promise.all([lost, unread]))
  })

  it('takes no more than so many proposals that are not committed', async () => {
    await using cluster = await Cluster.of(3, { options: { proposals: 3, proposalBytes: 100 } })
    const { replica } = await cluster.leader()
    const taken = numbered(3).map((line) => replica.propose(bytes(line)))
    await assert.rejects(replica.propose(bytes('x')), { code: 'ERR_QUEUE_FULL', retryable: true })
    await cluster.run(Promise.all(taken))
    const large = replica.propose(new Uint8Array(90))
    await assert.rejects(replica.propose(new Uint8Array(11)), { code: 'ERR_QUEUE_FULL' })
    await cluster.run(large)
    await cluster.run(replica.propose(bytes('there is room again')))
  })

  it('refuses a command that no frame would hold', async () => {
    await using cluster = await Cluster.of(1, { maxFrame: 66_560 })
    const { replica } = await cluster.leader()
    await assert.rejects(replica.propose(new Uint8Array(33_793)), { code: 'ERR_MESSAGE_TOO_LARGE' })
    const { outcome } = await cluster.run(replica.propose(new Uint8Array(33_792)))
    assert.equal(outcome.ok, true)
  })

  it('reads what was committed before: a follower waits for the index that the leader gave', async () => {
    await using cluster = await Cluster.of(3)
    await cluster.propose(...numbered(4))
    const leader = await cluster.leader()
    const follower = cluster.hosts.find((host) => host !== leader)!.replica
    const index = await cluster.run(leader.replica.readIndex())
    await cluster.run(follower.reached(index))
    assert.equal(follower.query('machine', 'count'), 4)
  })

  it('waits for an index no longer than it is told', async () => {
    await using cluster = await Cluster.of(1)
    const { replica } = await cluster.leader()
    await assert.rejects(cluster.run(replica.reached(1_000, { timeout: 50 })), { code: 'ERR_TIMEOUT' })
    const abort = new AbortController()
    const waiting = assert.rejects(replica.reached(1_000, { signal: abort.signal }), { code: 'ERR_ABORTED' })
    abort.abort()
    await waiting
  })

  it('hands leadership on', async () => {
    await using cluster = await Cluster.of(3)
    const leader = await cluster.leader()
    const heir = cluster.hosts.find((host) => host !== leader)!
    await cluster.propose('before')
    await cluster.run(leader.replica.transfer(heir.peer))
    await cluster.until('the heir leads', () => heir.role === 'leader')
    await assert.rejects(heir.replica.transfer('nobody'), { code: 'ERR_CONFIG' })
    await cluster.run(heir.replica.transfer())
    assert.notEqual(heir.role, 'leader')
  })

  it('does not wait for ever for an heir who cannot be reached', async () => {
    await using cluster = await Cluster.of(3)
    const leader = await cluster.leader()
    const i = cluster.hosts.findIndex((host) => host !== leader)
    const { peer } = cluster.hosts[i]!
    cluster.crash(i)
    await cluster.propose('it lacks this')
    const transfer = assert.rejects(cluster.run(leader.replica.transfer(peer)), { code: 'ERR_TIMEOUT' })
    const details = { group: 'orders', leader: undefined }
    await assert.rejects(leader.replica.propose(bytes('meanwhile')), { code: 'ERR_NOT_LEADER', details })
    await transfer
    await cluster.propose('still led')
  })

  it('takes in who was no member, and lets others go', async () => {
    await using cluster = await Cluster.of(4, { voters: 3, disks: {} })
    const [a, b, c, d] = cluster.hosts.map(({ peer }) => peer) as [string, string, string, string]
    await cluster.propose(...numbered(3))
    const guest = cluster.hosts[3]!
    assert.equal(guest.role, 'follower')
    let told = 0
    guest.replica.onChange(() => told++)
    let leader = await cluster.leader()
    await cluster.run(leader.replica.reconfigure({ voters: [a, b, c], learners: [d] }))
    await cluster.until('the guest learns', () => guest.role === 'learner')
    assert.ok(told > 0)
    leader = await cluster.leader()
    const changing = leader.replica.reconfigure({ voters: [b, c, d], learners: [] })
    await assert.rejects(leader.replica.reconfigure({ voters: [a], learners: [] }), { code: 'ERR_CONFLICT' })
    await cluster.run(changing)
    await assert.rejects(leader.replica.reconfigure({ voters: [a, a], learners: [] }), { code: 'ERR_CONFIG' })
    await cluster.until('one of the new voters leads', () =>
      cluster.hosts.slice(1).some(({ role }) => role === 'leader')
    )
    cluster.crash(0)
    await cluster.propose('without the first')
    await cluster.restart(3)
    assert.deepEqual(await cluster.agree(4), [...numbered(3), 'without the first'])
  })

  it('counts a new voter once that has the log, which it learns without a say', async () => {
    await using cluster = await Cluster.of(4, { voters: 1, latency: [20, 30] })
    await cluster.propose(...numbered(30))
    const [leader, guest] = cluster.hosts as [Host, Host]
    const seen: unknown[] = []
    const leave = leader.replica.onChange(() => {
      const { configuration, followers } = leader.replica.status()
      const { voters, outgoing, learners } = configuration
      const match = followers.find(({ peer }) => peer === guest.peer)?.match ?? 0
      seen.push([voters.length, outgoing.length, learners.length, match >= 31])
    })
    await cluster.run(leader.replica.reconfigure({ voters: [leader.peer, guest.peer], learners: [] }))
    await cluster.world.time.advance(100)
    leave()
    assert.deepEqual(seen, [
      [1, 0, 1, false],
      [2, 1, 0, true],
      [2, 0, 0, true]
    ])
  })

  it('keeps its voters where a new one does not answer, and goes on', async () => {
    await using cluster = await Cluster.of(4, { voters: 3 })
    const [a, b, c, d] = cluster.hosts.map(({ peer }) => peer) as [string, string, string, string]
    await cluster.propose(...numbered(3))
    const { replica } = await cluster.leader()
    cluster.crash(3)
    const unreachable = { code: 'ERR_PEER_UNREACHABLE', retryable: true, details: { group: 'orders', peer: d } }
    // Of four, three would do.
    const changing = assert.rejects(replica.reconfigure({ voters: [a, b, c, d], learners: [] }), unreachable)
    await cluster.propose('meanwhile')
    await cluster.run(changing)
    const { configuration } = replica.status()
    assert.deepEqual({ ...configuration }, { voters: [a, b, c], outgoing: [], learners: [] })
    await cluster.propose('afterwards')
  })

  it('keeps its voters where no majority of those that are to be would answer', async () => {
    await using cluster = await Cluster.of(3)
    await cluster.propose(...numbered(3))
    const { replica, peer } = await cluster.leader()
    const i = cluster.hosts.findIndex((host) => host.peer !== peer)
    const dead = cluster.hosts[i]!.peer
    cluster.crash(i)
    // It is yet to have something that the dead one lacks.
    await cluster.propose('meanwhile')
    const changing = replica.reconfigure({ voters: [peer, dead], learners: [] })
    const details = { group: 'orders', peer: dead }
    await cluster.run(assert.rejects(changing, { code: 'ERR_PEER_UNREACHABLE', details }))
    assert.equal(replica.status().configuration.voters.length, 3)
    await cluster.run(replica.reconfigure({ voters: [peer], learners: [] }))
    await cluster.propose('alone')
  })

  it('tells who follows it all that is applied, without repeats, from wherever they want', async () => {
    await using cluster = await Cluster.of(3)
    const { replica } = await cluster.leader()
    const told: Followed[] = []
    const lines = (): unknown[] => told.flatMap((one) => ('applied' in one ? one.applied.map(({ body }) => body) : []))
    const committed = await cluster.propose('one', 'again?', 'two', 'refused!')
    const end = replica.follow(committed[0]!.index, (followed) => told.push(followed))
    await cluster.until('it has caught up', () => lines().length === 3)
    await cluster.propose('three')
    await cluster.until('it follows', () => lines().length === 4)
    assert.deepEqual(lines(), ['one', 'two', 'refused!', 'three'])
    const [first] = told as [Extract<Followed, { applied: unknown }>]
    assert.deepEqual(first.applied[0], { ...committed[0]!, part: 'machine', body: 'one' })
    end()
    await cluster.propose('four')
    assert.equal(lines().length, 4)
    const one: Followed[] = []
    const stop = replica.follow(committed[2]!.index, (followed) => {
      one.push(followed)
      stop()
    })
    await cluster.until('one batch', () => one.length === 1)
    await cluster.propose('five')
    assert.equal(one.length, 1)
  })

  it('is refused another list of voters than it began with', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    const [a, b, c] = cluster.voters as [string, string, string]
    await cluster.propose('begun')
    cluster.crash(0)
    await cluster.boot(0)
    await assert.rejects(cluster.open(0, 'orders', [a, b]), { code: 'ERR_VOTERS_MISMATCH' })
    await cluster.open(0, 'orders', [c, a, b])
    await cluster.agree(1)
  })

  it('refuses groups and members that nothing could carry, and one that is open', async () => {
    await using cluster = await Cluster.of(1)
    const config = { code: 'ERR_CONFIG' }
    await assert.rejects(cluster.open(0, ''), config)
    await assert.rejects(cluster.open(0, 'x'.repeat(256)), config)
    await assert.rejects(cluster.open(0, '\ud800'), config)
    await assert.rejects(cluster.open(0, 'other', []), config)
    await assert.rejects(cluster.open(0, 'other', ['a', 'a']), config)
    await assert.rejects(cluster.open(0, 'other', ['p'.repeat(129)]), config)
    await assert.rejects(cluster.open(0, 'orders'), { code: 'ERR_ALREADY_REGISTERED' })
  })

  it('ends where its state machine cannot take what is committed', async () => {
    await using cluster = await Cluster.of(3)
    const leader = await cluster.leader()
    leader.ledger.apply = () => {
      throw new Error('a fault of its own')
    }
    const proposed = leader.replica.propose(bytes('x'))
    await assert.rejects(cluster.run(proposed), { code: 'ERR_CORRUPT' })
    assert.deepEqual(
      leader.events.map(({ kind, code }) => [kind, code]),
      [['consensus-failed', 'ERR_CORRUPT']]
    )
    // What was under way has come by then.
    await cluster.world.time.advance(50)
    cluster.frames.length = 0
    const next = cluster.hosts.find((host) => host !== leader)!
    await cluster.until(
      'another leads',
      () => next.replica.status().leader !== leader.peer && next.replica.status().term > 1
    )
    assert.ok(cluster.frames.every(({ from }) => from !== leader.peer))
  })

  it('refuses everybody once it is stopped', async () => {
    await using cluster = await Cluster.of(3)
    const leader = await cluster.leader()
    const { replica, replicas } = leader
    const stopped = { code: 'ERR_STOPPED' }
    const waiting = [replica.propose(bytes('x')), replica.readIndex(), replica.reached(1_000)]
    const refused = Promise.all(waiting.map((one) => assert.rejects(one, stopped)))
    replicas.stop()
    await refused
    await assert.rejects(replica.propose(bytes('x')), stopped)
    assert.throws(() => replica.query('machine', 'count'), stopped)
    await assert.rejects(replicas.open('other', { voters: [leader.peer], state: leader.ledger }), stopped)
  })
})
