import type { RaftOptions } from '../../../../src/core/consensus/options.ts'
import type { Snapshot } from '../../../../src/core/consensus/types.ts'
import { Agenda } from '../../agenda.ts'
import type { Chance } from '../../chance.ts'
import type { Play } from '../../play.ts'
import { Auditor } from './auditor.ts'
import { Host, TICK } from './host.ts'
import { Network } from './network.ts'

/** Some hosts of a group, some of them not yet in it, and clients that ask whoever they please. */
export class Cluster {
  readonly trace: string[] = []
  messages = 0
  faults = 0
  readonly hosts: Host[]
  readonly network: Network
  readonly auditor: Auditor
  readonly chance: Chance
  readonly #agenda = new Agenda()
  #contexts = 0

  constructor(play: Play) {
    const { chance } = play
    this.chance = chance
    this.auditor = new Auditor(play)
    this.network = new Network(this.after.bind(this), chance, (message) => {
      const { kind, from, to, term } = message
      this.trace.push(`${this.#agenda.now} ${from} > ${to}: ${kind} in ${term}`)
      this.#host(to)?.handle({ kind: 'receive', message })
    })
    const ids = Array.from({ length: 2 + chance.below(5) }, (_, i) => `n${i}`)
    const voters = ids.slice(0, 1 + chance.below(Math.min(5, ids.length)))
    const configuration = { voters, outgoing: [], learners: [] }
    const around = {
      now: () => this.#agenda.now,
      after: this.after.bind(this),
      chance,
      auditor: this.auditor,
      options: this.#options(),
      send: this.network.send.bind(this.network),
      note: this.note.bind(this)
    }
    this.note(`voters ${voters.join()} of ${ids.join()}`)
    this.hosts = ids.map((id) => {
      // Who is not in the group from the beginning knows nobody.
      const first = voters.includes(id) ? configuration : { voters: [], outgoing: [], learners: [] }
      const snapshot: Snapshot = { index: 0, term: 0, configuration: first, data: new Uint8Array(0) }
      return new Host(id, snapshot, around)
    })
  }

  get elapsed(): number {
    return this.#agenda.now
  }

  /** Small bounds, so that all of them are met. */
  #options(): Partial<RaftOptions> {
    const { chance } = this
    return {
      maxAppendBytes: chance.pick([1, 1, 100, 10_000]),
      maxInflight: chance.pick([1, 3, 100]),
      maxInflightBytes: chance.pick([60, 10_000]),
      chunkBytes: chance.pick([7, 25, 100]),
      // One tick less than the ten of an election, and a little less for good measure.
      lease: chance.happens(0.5) ? 9 * TICK - 5 : undefined
    }
  }

  note(text: string): void {
    this.trace.push(`${this.#agenda.now} # ${text}`)
  }

  run(ms: number): void {
    this.#agenda.run(Math.ceil(ms))
  }

  /** In whole ms, and never at once: things fall together, and nothing is its own cause. */
  after(delay: number, work: () => void): void {
    this.#agenda.after(Math.max(1, Math.round(delay)), work)
  }

  /** Whoever believes to lead. */
  leaders(): Host[] {
    return this.hosts.filter(({ raft }) => raft?.status().role === 'leader')
  }

  propose(host: Host): number | undefined {
    const data = Array.from({ length: 1 + this.chance.below(3) }, () => new TextEncoder().encode(`m${++this.messages}`))
    const effect = host.handle({ kind: 'propose', data })[0]
    return effect?.kind === 'accepted' ? effect.index + data.length - 1 : undefined
  }

  read(host: Host): void {
    if (host.raft === undefined) return
    const context = ++this.#contexts
    this.auditor.readBegins(context)
    for (const { kind } of host.handle({ kind: 'read', context }))
      if (kind === 'refused') this.auditor.readAbandoned(context)
  }

  #host(id: string): Host | undefined {
    return this.hosts.find((host) => host.id === id)
  }
}
