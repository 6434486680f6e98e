import { pack } from '../../../protocols/envelope/messagepack.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { MemberRecord } from '../../core/membership/types.ts'
import type { Applied } from '../../runtime/consensus/types.ts'
import type { Membership } from '../../runtime/membership/types.ts'
import type { Timer } from '../../runtime/ports.ts'
import type { GroupEvent } from './events.ts'
import type { GroupParts } from './group.ts'
import { Orphans, type OrphansParts, type Placements } from './orphans.ts'

interface MemberRecordsParts extends Pick<GroupParts, 'name' | 'client' | 'replica' | 'clock'> {
  readonly membership: Membership
  emit(event: GroupEvent): void
  readonly mayHave: OrphansParts['mayHave']
}

type Recorded = readonly [peer: string, record: { since: number; info: unknown }]

/** ms between two comparisons. A guess: one round of gossip. */
const LOOK = 1_000
/** ms that somebody on record may be unknown here, who was not seen to go: a leader that has just come knows few. A guess: twice `limits.failureTimeout`. */
const GRACE = 10_000

/**
 * Puts on record in the group who joined and who left the mesh, as gossip told the host that leads: gossip is first, since who
 * joins reaches no leader before; the record outlives any minority, and is the same for everybody. Each host that is a member
 * of the group tells what was recorded, by the event `member-recorded`. Agents whose host has left are placed anew.
 */
export class MemberRecords {
  readonly #parts: MemberRecordsParts
  readonly #leave: (() => void)[]
  /** Of those on record: monotonic ms since when they are not known here. */
  readonly #absent = new Map<string, number>()
  readonly #orphans: Orphans
  #timer: Timer | undefined
  #looking = false
  #stopped = false

  constructor(parts: MemberRecordsParts) {
    this.#parts = parts
    const { name: group, membership, replica, clock, mayHave, emit } = parts
    const lost = (agent: string, peer: string): void => emit({ kind: 'placement-orphaned', group, agent, peer })
    this.#orphans = new Orphans({ clock, mayHave, lost })
    this.#leave = [
      replica.onChange(() => this.#changed()),
      replica.follow(replica.applied + 1, (followed) => {
        if ('applied' in followed) for (const applied of followed.applied) this.#tell(applied)
      }),
      membership.subscribe((event) => {
        if (event.kind !== 'member-up' && event.kind !== 'member-down') return
        const { peer } = event.member.record
        // That it has gone was seen: nothing is to be waited for.
        const gone = event.kind === 'member-down' && (event.reason === 'left' || event.reason === 'dead')
        if (gone) this.#absent.set(peer, Number.NEGATIVE_INFINITY)
        else this.#absent.delete(peer)
        void this.#look()
      })
    ]
    this.#changed()
  }

  stop(): void {
    this.#stopped = true
    for (const leave of this.#leave) leave()
    this.#timer?.cancel()
  }

  get #leads(): boolean {
    return !this.#stopped && this.#parts.replica.status().role === 'leader'
  }

  #changed(): void {
    if (this.#leads) {
      void this.#look()
      return
    }
    this.#absent.clear()
    this.#orphans.forget()
  }

  async #look(): Promise<void> {
    if (this.#looking || !this.#leads) return
    this.#looking = true
    this.#timer?.cancel()
    try {
      for (const command of this.#missing()) await this.#propose(command)
      for (const command of this.#orphaned()) await this.#propose(command)
    } catch (error) {
      // Whoever leads next goes on, or the next look.
      if (!(error instanceof MeshError)) throw error
    } finally {
      this.#looking = false
      if (!this.#stopped) this.#timer = this.#parts.clock.after(LOOK, () => void this.#look())
    }
  }

  #propose(command: object): Promise<unknown> {
    return this.#parts.client.propose('members', command, { timeout: GRACE })
  }

  #orphaned(): object[] {
    if (!this.#leads) return []
    const { replica } = this.#parts
    const placements = replica.query('members', { placements: true }) as Placements
    const hosts = (replica.query('members', { members: true }) as readonly Recorded[]).map(([peer]) => peer)
    return this.#orphans.look(placements, new Set(hosts))
  }

  /** What the record lacks. */
  #missing(): object[] {
    const { membership, replica, clock } = this.#parts
    const recorded = new Map(replica.query('members', { members: true }) as readonly Recorded[])
    const known = new Map([membership.self, ...Array.from(membership.members(), ({ record }) => record)].map(named))
    const missing: object[] = []
    for (const [peer, record] of known) {
      const info = infoOf(record)
      const before = recorded.get(peer)
      if (before === undefined || !same(before.info, info)) missing.push({ joined: peer, info })
    }
    const now = clock.monotonic()
    for (const peer of this.#absent.keys()) if (known.has(peer) || !recorded.has(peer)) this.#absent.delete(peer)
    for (const peer of recorded.keys()) {
      if (known.has(peer)) continue
      const since = this.#absent.get(peer) ?? now
      this.#absent.set(peer, since)
      // Where not everybody can be known, who is not known proves nothing.
      if (since === Number.NEGATIVE_INFINITY || (!membership.partial && now - since >= GRACE))
        missing.push({ left: peer })
    }
    return missing
  }

  #tell({ part, body, outcome, index }: Applied): void {
    if (part !== 'members' || !outcome.ok) return
    const { joined, left } = body as { joined?: string; left?: string }
    const { name: group, emit } = this.#parts
    const changed = joined === undefined ? outcome.value === true : outcome.value === index
    const peer = joined ?? left
    if (changed && peer !== undefined) {
      emit({ kind: 'member-recorded', group, peer, change: joined === undefined ? 'left' : 'joined', index })
    }
  }
}

function named(record: MemberRecord): [peer: string, record: MemberRecord] {
  return [record.peer, record]
}

function infoOf({ name, region, zone }: MemberRecord): object {
  return { name, region, zone }
}

function same(a: unknown, b: unknown): boolean {
  return Buffer.compare(pack(a), pack(b)) === 0
}
