import type { Snapshot } from '../../../../src/core/consensus/types.ts'
import { Agenda } from '../../agenda.ts'
import type { Chance } from '../../chance.ts'
import type { Play } from '../../play.ts'
import { Auditor } from './auditor.ts'
import { type Command, encode } from './commands.ts'
import { History } from './history.ts'
import { Host, TICK } from './host.ts'
import { Network } from './network.ts'
import { draw, type Setting } from './season.ts'

/** Some hosts of a group, some of them not yet in it, and clients that ask whoever they please. */
export class Cluster {
  readonly trace: string[] = []
  messages = 0
  faults = 0
  readonly hosts: Host[]
  readonly network: Network
  readonly auditor: Auditor
  readonly history = new History()
  readonly setting: Setting
  readonly chance: Chance
  readonly #agenda = new Agenda()
  #contexts = 0

  constructor(play: Play) {
    const { chance } = play
    this.chance = chance
    this.auditor = new Auditor(play)
    this.setting = draw(chance)
    const { season, speeds, options } = this.setting
    const ids = Array.from({ length: this.setting.hosts }, (_, i) => `n${i}`)
    this.network = new Network(ids, this.after.bind(this), chance, (message) => {
      const { kind, from, to, term } = message
      this.trace.push(`${this.#agenda.now} ${from} > ${to}: ${kind} in ${term}`)
      this.#host(to)?.handle({ kind: 'receive', message })
    })
    const voters = ids.slice(0, this.setting.voters)
    const configuration = { voters, outgoing: [], learners: [] }
    const around = {
      now: () => this.#agenda.now,
      after: this.after.bind(this),
      chance,
      auditor: this.auditor,
      history: this.history,
      options,
      registerOf: (node: string) => this.#host(node)?.up,
      send: this.network.send.bind(this.network),
      note: this.note.bind(this)
    }
    this.note(`${season}: voters ${voters.join()} of ${ids.join()}`)
    this.hosts = ids.map((id) => {
      // Who is not in the group from the beginning knows nobody.
      const first = voters.includes(id) ? configuration : { voters: [], outgoing: [], learners: [] }
      const snapshot: Snapshot = { index: 0, term: 0, configuration: first, data: new Uint8Array(0) }
      return new Host(id, snapshot, chance.pick(speeds), around)
    })
  }

  get elapsed(): number {
    return this.#agenda.now
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

  /** Everybody is up and hears everybody. */
  clear(): void {
    const { network, hosts } = this
    network.heal()
    network.loss = network.doubling = 0
    network.slowest = 10
    for (const host of hosts) {
      host.slowest = 8
      host.pace = TICK
      if (host.raft === undefined) host.start()
    }
  }

  /** Whoever believes to lead. */
  leaders(): Host[] {
    return this.hosts.filter(({ status }) => status?.role === 'leader')
  }

  /** Some writes; gives where the last one stands. Some clients do not wait for what comes of it. */
  propose(host: Host): number | undefined {
    const { chance, history } = this
    const commands = Array.from({ length: 1 + chance.below(3) }, () => this.#command(host))
    let last: number | undefined
    history.proposes(host.id, commands, () => {
      const effect = host.handle({ kind: 'propose', data: commands.map(encode) })[0]
      if (effect?.kind !== 'accepted') return undefined
      last = effect.index + commands.length - 1
      return effect
    })
    const given = last
    if (given !== undefined && chance.happens(0.1))
      this.after(chance.between(1, 100), () => history.givesUp(host.id, given))
    return given
  }

  /** Each value once: whoever reads one knows who wrote it. */
  #command(host: Host): Command {
    const { chance, setting } = this
    const key = chance.pick(setting.keys)
    const value = ++this.messages
    if (chance.happens(0.7)) return ['write', key, value]
    return ['cas', key, chance.happens(0.1) ? chance.below(value) : host.register.get(key), value]
  }

  /** Of a leader, for a client of its own or of some other host, which serves the read when it has caught up. */
  read(leader: Host): void {
    if (leader.raft === undefined) return
    const { chance, history, auditor } = this
    const reader = chance.happens(0.5) ? leader : chance.pick(this.hosts)
    const context = ++this.#contexts
    auditor.readBegins(context)
    history.readBegins(context, reader.id, chance.pick(this.setting.keys))
    for (const { kind } of leader.handle({ kind: 'read', context })) {
      if (kind !== 'refused') continue
      auditor.readAbandoned(context)
      history.readAbandoned(context)
    }
  }

  #host(id: string): Host | undefined {
    return this.hosts.find((host) => host.id === id)
  }
}
