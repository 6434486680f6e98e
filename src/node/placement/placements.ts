import { pack, unpack } from '../../../protocols/envelope/messagepack.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { checkWait, wrong } from '../../agent/options.ts'
import type { WaitOptions } from '../../agent/types.ts'
import type { GroupClient } from '../../runtime/consensus/client/group-client.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { GroupParts } from '../consensus/group.ts'
import { peerOf } from '../consensus/options.ts'
import { MEMBERS, type PlacementRecord, placedOf, recordOf } from './record.ts'
import type { Placed, Placement, PlacementChange, PlacementOptions, RecordedHost } from './types.ts'

/** ms; see `PlacementOptions`. */
const TIMEOUT = 5_000
const MOVE_TIMEOUT = 30_000
/** ms between two looks whether the agent is found. */
const LOOK = 5

type Records = readonly (readonly [agent: string, record: PlacementRecord])[]
type Left = WaitOptions & { timeout: number }
type Peer = Parameters<Placement['place']>[1]

export interface PlacementsParts {
  readonly clock: Clock
  /** The parts of a group, of the control plane where it is undefined; throws where there is none. */
  named(group: unknown): GroupParts
  /** Whether this node knows that the host has registered the agent, active or not; and that it is active there. */
  mayHave(agent: string, peer: string): boolean
  isUp(agent: string, peer: string): boolean
}

/** `node.placement`. */
export class Placements implements Placement {
  readonly #parts: PlacementsParts

  constructor(parts: PlacementsParts) {
    this.#parts = parts
  }

  async place(agent: string, peer: Peer, options: PlacementOptions = {}): Promise<Placed> {
    checkAgent(agent)
    const at = peerOf('peer', peer)
    const { client, wait } = this.#asked(options, TIMEOUT)
    const left = this.#countdown(wait)
    const { value } = await client.propose(MEMBERS, { place: agent, at }, left())
    await this.#found(agent, at, left)
    return placedOf(agent, { at, since: value as number })
  }

  async move(agent: string, to: Peer, options: PlacementOptions = {}): Promise<Placed> {
    checkAgent(agent)
    const peer = peerOf('to', to)
    const { client, wait } = this.#asked(options, MOVE_TIMEOUT)
    const left = this.#countdown(wait)
    const before = await recordIn(client, agent, left())
    if (before === undefined) throw new MeshError('ERR_CONFLICT', `${agent} has no place`)
    if (before.at === peer && before.to === undefined) return placedOf(agent, before)
    await client.propose(MEMBERS, { moving: agent, from: before.at, to: peer }, left())
    const placed = await this.#moved(client, agent, { ...before, to: peer }, left)
    await this.#found(agent, peer, left)
    return placed
  }

  #countdown(wait: Left): () => Left {
    const { clock } = this.#parts
    const end = clock.monotonic() + wait.timeout
    return () => ({ ...wait, timeout: Math.max(0, end - clock.monotonic()) })
  }

  /** It is on record; whoever sends to it next finds it, where its host is known to have it. */
  async #found(agent: string, peer: string, left: () => Left): Promise<void> {
    const { clock, mayHave, isUp } = this.#parts
    while (mayHave(agent, peer) && !isUp(agent, peer)) {
      const { timeout, signal } = left()
      if (timeout === 0 || signal?.aborted) return
      await new Promise<void>((resolve) => void clock.after(LOOK, resolve))
    }
  }

  async #moved(
    client: GroupClient,
    agent: string,
    { at: from, since, to }: PlacementRecord,
    left: () => Left
  ): Promise<Placed> {
    let known: Uint8Array = new Uint8Array(0)
    for (;;) {
      known = await changed(client, agent, known, left())
      const now = recordOf(known)
      if (now !== undefined && now.since < since) continue
      if (now !== undefined && now.at === to && (now.since > since || from === to)) return placedOf(agent, now)
      if (now?.at !== from) throw new MeshError('ERR_CONFLICT', `${agent} went elsewhere`, { details: { agent } })
      if (now.to === undefined) {
        // Whoever leads no more may have said so.
        const sure = await recordIn(client, agent, left())
        if (sure?.since !== since || sure.to !== undefined) continue
        const message = `${from} sees no ${agent} at ${to}: it stays`
        throw new MeshError('ERR_NO_RESPONDERS', message, { details: { agent } })
      }
      if (now.to !== to) throw new MeshError('ERR_CONFLICT', `${agent} is moved elsewhere`, { details: { agent } })
    }
  }

  async of(agent: string, options: PlacementOptions = {}): Promise<Placed | undefined> {
    checkAgent(agent)
    const { client, wait } = this.#asked(options, TIMEOUT)
    const record = await recordIn(client, agent, wait)
    return record && placedOf(agent, record)
  }

  async remove(agent: string, options: PlacementOptions = {}): Promise<boolean> {
    checkAgent(agent)
    const { client, wait } = this.#asked(options, TIMEOUT)
    const record = await recordIn(client, agent, wait)
    if (record === undefined) return false
    return (await client.propose(MEMBERS, { remove: agent, from: record.at }, wait)).value === true
  }

  async *changes(options: PlacementOptions = {}): AsyncGenerator<PlacementChange, void, void> {
    const { client, wait } = this.#asked(options, Number.POSITIVE_INFINITY)
    let known: Uint8Array = pack([])
    try {
      for (;;) {
        const value = await client.changed(MEMBERS, { placements: true }, known, wait)
        yield* differences(unpack(known) as Records, unpack(value) as Records)
        known = value
      }
    } catch (error) {
      if (!(error instanceof MeshError) || (error.code !== 'ERR_ABORTED' && error.code !== 'ERR_STOPPED')) throw error
    }
  }

  async hosts(options: PlacementOptions = {}): Promise<RecordedHost[]> {
    const { client, wait } = this.#asked(options, TIMEOUT)
    const records = await client.read(MEMBERS, { members: true }, 'strong', wait)
    return (records as [string, { since: number; info: Omit<RecordedHost, 'peer' | 'since'> }][]).map(
      ([peer, { since, info }]) => ({ peer, name: info.name, region: info.region, zone: info.zone, since })
    )
  }

  #asked(options: PlacementOptions, timeout: number): { client: GroupClient; wait: Left } {
    if (typeof options !== 'object' || options === null) throw wrong('options', 'an object')
    const { group, signal, timeout: given = timeout, ...unknown } = options
    for (const key of Object.keys(unknown)) throw wrong(key, 'left out: placement has no such option')
    checkWait({ signal, timeout: given })
    return { client: this.#parts.named(group).client, wait: { signal, timeout: given } }
  }
}

function checkAgent(agent: unknown): void {
  if (typeof agent !== 'string' || agent === '' || !agent.isWellFormed()) throw wrong('agent', 'the name of an agent')
}

async function recordIn(client: GroupClient, agent: string, wait: Left): Promise<PlacementRecord | undefined> {
  return (await client.read(MEMBERS, { placement: agent }, 'strong', wait)) as PlacementRecord | undefined
}

/** That nothing has changed in time is not for want of a majority. */
async function changed(client: GroupClient, agent: string, known: Uint8Array, wait: Left): Promise<Uint8Array> {
  try {
    return await client.changed(MEMBERS, { placement: agent }, known, wait)
  } catch (error) {
    if (!(error instanceof MeshError) || error.code !== 'ERR_NO_QUORUM') throw error
    throw new MeshError('ERR_TIMEOUT', `${agent} has not moved in time: it goes on`, {
      cause: error,
      details: { agent }
    })
  }
}

function* differences(before: Records, after: Records): Generator<PlacementChange> {
  const known = new Map(before)
  for (const [agent, record] of after) {
    const { since, to } = known.get(agent) ?? {}
    known.delete(agent)
    if (since !== record.since || to !== record.to) yield placedOf(agent, record)
  }
  for (const [agent, { since }] of known) yield { agent, peer: undefined, since, to: undefined }
}
