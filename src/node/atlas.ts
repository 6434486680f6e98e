import type { Entry, Member, MembershipEvent } from '../core/membership/types.ts'
import type { Router } from '../core/routing/router.ts'
import type { Membership } from '../runtime/membership/types.ts'
import type { Clock, Timer } from '../runtime/ports.ts'
import type { NodeEventBody } from './events.ts'

/** Where an agent of some name lives. */
export interface AgentLocation {
  name: string
  instance: string
  peer: string
  /** The host's label, region and zone. */
  host: string
  region: string | undefined
  zone: string | undefined
  local: boolean
}

const PREFIX = 'agent/'
/** Names of which is remembered where they were last. A guess. */
const MOST_HOMES = 10_000
/** ms between two looks at measured round trips. */
const REFRESH = 1_000

/** The key under which a node announces an instance of an agent. */
export function agentKey(name: string, instance: string): string {
  return `${PREFIX}${name}/${instance}`
}

/** Draws the router's map from the membership view: who hosts what, how far away, how busy. */
export class Atlas {
  readonly #membership: Membership & { rtt(peer: string): number | undefined }
  readonly #router: Router
  readonly #clock: Clock
  readonly #emit: (event: NodeEventBody) => void
  /** Where a name that nobody has now was seen last, so that one that comes back elsewhere has moved. */
  readonly #homes = new Map<string, string>()
  #timer: Timer | undefined

  constructor(
    membership: Membership & { rtt(peer: string): number | undefined },
    router: Router,
    clock: Clock,
    emit: (event: NodeEventBody) => void
  ) {
    this.#membership = membership
    this.#router = router
    this.#clock = clock
    this.#emit = emit
    membership.subscribe((event) => this.#changed(event))
    this.#refresh()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** An instance on this node. */
  localUp(name: string, instance: string, coordinated: string | undefined): void {
    const { peer } = this.#membership.self
    this.#router.add(name, peer, instance, coordinated)
    this.#up(name, instance, peer)
  }

  localDown(name: string, instance: string): void {
    const { peer } = this.#membership.self
    this.#router.remove(name, peer, instance)
    this.#down(name, instance, peer)
  }

  /** Every location known of a name, or of all names. */
  *locations(name: string | undefined, local: Iterable<{ name: string; instance: string }>): Iterable<AgentLocation> {
    const { self } = this.#membership
    for (const agent of local) {
      if (name !== undefined && agent.name !== name) continue
      yield { ...located(agent.name, agent.instance, self), local: true }
    }
    for (const member of this.#membership.members()) {
      for (const entry of member.entries.values()) {
        const agent = agentOf(entry)
        if (agent === undefined || (name !== undefined && agent.name !== name)) continue
        yield { ...located(agent.name, agent.instance, member.record), local: false }
      }
    }
  }

  #changed(event: MembershipEvent): void {
    const { record } = event.member
    const { peer, name } = record
    switch (event.kind) {
      case 'member-up':
        this.#router.place(record).rtt = this.#membership.rtt(peer)
        this.#emit({ kind: 'peer-joined', peer, name })
        break
      case 'member-down':
        this.#router.removePeer(peer)
        for (const entry of event.member.entries.values()) {
          const agent = agentOf(entry)
          if (agent !== undefined) this.#down(agent.name, agent.instance, peer)
        }
        this.#emit({ kind: 'peer-left', peer, name, reason: event.reason })
        break
      case 'member-suspect':
        this.#emit({ kind: 'peer-suspect', peer, name })
        break
      case 'entry':
        this.#entry(event.member, event.entry, event.before)
        break
    }
  }

  #entry(member: Member, entry: Entry, before: Entry | undefined): void {
    const { peer } = member.record
    if (entry.key === 'load') {
      if (isLoad(entry.value)) this.#router.place(member.record).load = entry.value
      return
    }
    const agent = parse(entry.key)
    if (agent === undefined) return
    const { name, instance } = agent
    if (entry.value === undefined) {
      this.#router.remove(name, peer, instance)
      if (before?.value !== undefined) this.#down(name, instance, peer)
    } else {
      this.#router.place(member.record)
      this.#router.add(name, peer, instance, coordinatedBy(entry.value))
      if (before?.value === undefined) this.#up(name, instance, peer)
    }
  }

  #up(name: string, instance: string, peer: string): void {
    this.#emit({ kind: 'agent-up', name, instance, peer })
    const from = this.#homes.get(name)
    if (from === undefined) return
    this.#homes.delete(name)
    if (from !== peer) this.#emit({ kind: 'agent-moved', name, instance, peer, from })
  }

  #down(name: string, instance: string, peer: string): void {
    this.#emit({ kind: 'agent-down', name, instance, peer })
    if (this.#router.has(name)) return
    if (this.#homes.size >= MOST_HOMES) this.#homes.delete(this.#homes.keys().next().value!)
    this.#homes.set(name, peer)
  }

  #refresh(): void {
    for (const { record } of this.#membership.members()) {
      this.#router.place(record).rtt = this.#membership.rtt(record.peer)
    }
    this.#timer = this.#clock.after(REFRESH, () => this.#refresh())
  }
}

/** The group that the instance shares its deliveries by. */
function coordinatedBy(value: unknown): string | undefined {
  const group = typeof value === 'object' && value !== null && 'coordinated' in value ? value.coordinated : undefined
  return typeof group === 'string' ? group : undefined
}

/** Another's word: what is no share of its time would make every comparison with it false. */
function isLoad(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1
}

function located(name: string, instance: string, record: Member['record']): Omit<AgentLocation, 'local'> {
  return { name, instance, peer: record.peer, host: record.name, region: record.region, zone: record.zone }
}

function agentOf(entry: Entry): { name: string; instance: string } | undefined {
  return entry.value === undefined ? undefined : parse(entry.key)
}

/** Names may hold slashes; instances do not. */
function parse(key: string): { name: string; instance: string } | undefined {
  if (!key.startsWith(PREFIX)) return undefined
  const slash = key.lastIndexOf('/')
  if (slash <= PREFIX.length) return undefined
  return { name: key.slice(PREFIX.length, slash), instance: key.slice(slash + 1) }
}
