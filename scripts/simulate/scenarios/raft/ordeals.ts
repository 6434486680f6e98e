import type { Cluster } from './cluster.ts'
import type { Host } from './host.ts'
import type { Season } from './season.ts'

/** ms to wait at each step, until the story ends. */
type Story = Generator<number, void>

/** Attempts at an election, 5 ms apart, before a story goes on without it. */
const ATTEMPTS = 80

/** Tells one story over and over, with other hosts and other times: what chance alone would take thousands of seeds to bring about. */
export class Ordeals {
  readonly #cluster: Cluster
  #over = false

  constructor(cluster: Cluster, season: Exclude<Season, 'mixed'>) {
    this.#cluster = cluster
    const { chance, network, hosts } = cluster
    network.slowest = chance.pick([4, 10])
    for (const host of hosts) host.slowest = chance.pick([2, 8])
    const stories = { 'disputed entry': disputedEntry, 'handed on': handedOn, 'forgotten vote': forgottenVote }
    this.#tell(() => stories[season](cluster), undefined)
  }

  stop(): void {
    this.#over = true
  }

  #tell(begin: () => Story, story: Story | undefined): void {
    if (this.#over) return
    if (story === undefined) this.#cluster.faults++
    const now = story ?? begin()
    const { value, done } = now.next()
    this.#cluster.after(done === true ? 1 : value!, () => this.#tell(begin, done === true ? undefined : now))
  }
}

/** An entry of an earlier term is on a majority, and yet its leader's successor may not have it (thesis, figure 3.7). */
function* disputedEntry(cluster: Cluster): Story {
  const { chance, network } = cluster
  const [first, second, third, fourth, rival] = chance.shuffled(cluster.hosts) as [Host, Host, Host, Host, Host]
  yield* afresh(cluster)
  yield* elected(first)
  network.only([first, second])
  cluster.propose(first)
  const disputed = first.status?.last ?? 0
  yield chance.between(10, 40)
  first.crash()
  network.only([rival, third, fourth])
  yield* elected(rival)
  network.only([])
  yield chance.between(5, 20)
  rival.crash()
  first.start()
  network.only([first, second, third])
  yield* elected(first)
  for (let ms = 0; ms < 60; ms++) {
    const { followers } = first.status!
    if (followers.some(({ peer, match }) => peer === third.id && match >= disputed)) break
    yield 1
  }
  first.crash()
  rival.start()
  network.only([rival, third, fourth])
  yield* elected(rival)
  yield chance.between(10, 60)
}

/** Its leader does not hear that it was followed, and is asked to read meanwhile. */
function* handedOn(cluster: Cluster): Story {
  const { chance, network, hosts } = cluster
  const [leader, heir] = chance.shuffled(hosts) as [Host, Host]
  yield* afresh(cluster)
  yield* elected(leader)
  yield chance.between(30, 100)
  if (chance.happens(0.5)) leader.handle({ kind: 'transfer', to: heir.id })
  yield chance.between(1, 20)
  for (const { id } of hosts) network.cut(id, leader.id)
  yield* elected(heir)
  for (let i = 0; i < 20; i++) {
    if (i % 4 === 0) cluster.propose(heir)
    cluster.read(leader)
    yield 5
  }
}

/** Whoever has just voted goes down, and is asked again when it is back. */
function* forgottenVote(cluster: Cluster): Story {
  const { chance, network } = cluster
  const [first, second, voter] = chance.shuffled(cluster.hosts) as [Host, Host, Host]
  yield* afresh(cluster)
  // Long enough that nobody stands by a leader any more.
  network.only([])
  yield 250
  network.only([first, voter])
  network.join(second, voter)
  const { term } = voter.status!
  first.handle({ kind: 'campaign' })
  second.handle({ kind: 'campaign' })
  for (let ms = 0; ms < 60 && voter.status!.term === term; ms++) yield 1
  yield chance.between(0, 12)
  voter.crash()
  yield 1
  voter.start()
  yield chance.between(50, 200)
}

function* afresh({ hosts, network }: Cluster): Story {
  network.heal()
  for (const host of hosts) if (host.raft === undefined) host.start()
  yield 20
}

function* elected(host: Host): Story {
  for (let i = 0; i < ATTEMPTS && host.status?.role !== 'leader'; i++) {
    if (host.status?.role === 'follower') host.handle({ kind: 'campaign' })
    yield 5
  }
}
