import {
  decodeAnswers,
  decodeCalls,
  decodeCancel,
  encodeCalls,
  encodeCancel
} from '../../../../protocols/consensus/codec.ts'
import { CONSENSUS, Kind, MAX_WAITING } from '../../../../protocols/consensus/constants.ts'
import type { Answer, Call } from '../../../../protocols/consensus/messages.ts'
import { MeshError } from '../../../../protocols/errors.ts'
import { NumberedTable } from '../../../core/delivery/numbered.ts'
import type { Lane, Link, LinkHandler, Links } from '../../links/types.ts'
import type { Membership } from '../../membership/types.ts'
import type { Clock, Dice } from '../../ports.ts'
import type { Ask } from './ask.ts'
import { GroupClient, type GroupClientParts } from './group-client.ts'
import { PeerAsker } from './peer-asker.ts'
import { type Asker, ConsensusServer } from './server.ts'
import type { LocalReplica } from './types.ts'

export interface ConsensusDriverParts {
  readonly self: string
  readonly clock: Clock
  readonly dice: Dice
  readonly links: Links
  readonly membership: Pick<Membership, 'subscribe' | 'member'>
}

/** The driver of `protocols/consensus`: this node's clients, and what answers others' calls to its replicas. */
export class ConsensusDriver implements LinkHandler {
  readonly protocol = CONSENSUS
  readonly lanes: readonly Lane[] = ['normal', 'bulk']
  readonly counted = new Set<number>([Kind.call, Kind.answer])
  readonly #parts: ConsensusDriverParts
  readonly #server: ConsensusServer
  readonly #clients = new Map<string, GroupClient>()
  /** What this node asked and nobody has answered. */
  readonly #asks: NumberedTable<Ask>
  readonly #askers = new Map<Link, PeerAsker>()
  readonly #own: Asker
  readonly #leave: () => void
  #next = 1

  constructor(parts: ConsensusDriverParts) {
    this.#parts = parts
    const { self, clock, dice, links, membership } = parts
    this.#server = new ConsensusServer(self, clock)
    this.#asks = new NumberedTable(Buffer.from(dice.bytes(4)).readInt32LE())
    this.#own = { peer: self, full: false, answer: (answer) => this.#answered(self, answer), open: new Map() }
    this.#leave = membership.subscribe((event) => {
      if (event.kind === 'member-down') this.#lost(event.member.record.peer)
    })
    links.register(this)
  }

  /** The node takes part in a group, by its replica and as a client. */
  open(group: string, members: GroupClientParts['members'], replica: LocalReplica): GroupClient {
    const { self, clock, dice, membership } = this.#parts
    this.#server.open(group, replica)
    const client = new GroupClient({
      ...{ group, self, clock, dice, members, replica },
      isAlive: (peer) => membership.member(peer) !== undefined,
      send: (peer, name, calls) => this.#send(peer, name, calls),
      cancel: (peer, call) => this.#cancel(peer, call),
      number: () => this.#next++,
      register: (ask) => this.#asks.add(ask),
      settled: (ask) => this.#asks.delete(ask.number)
    })
    this.#clients.set(group, client)
    return client
  }

  stop(): void {
    this.#leave()
    const stopped = new MeshError('ERR_STOPPED', 'the node is stopped')
    for (const client of this.#clients.values()) client.close(stopped)
    this.#server.stop()
  }

  // ---- LinkHandler -------------------------------------------------------------------------------------------------

  frame(link: Link, kind: number, body: Uint8Array): void {
    if ((kind === Kind.answer) !== (link.direction === 'outbound')) {
      throw new MeshError('ERR_PROTOCOL', `consensus frame of kind ${kind} on the wrong way`)
    }
    switch (kind) {
      case Kind.call: {
        // What is asked outlives the frame.
        const { group, calls } = decodeCalls(body.slice())
        link.consumed(body.length)
        const asker = this.#askerOf(link)
        for (const call of calls) this.#take(group, call, asker)
        break
      }
      case Kind.answer:
        for (const answer of decodeAnswers(body.slice())) this.#answered(link.peer, answer)
        link.consumed(body.length)
        break
      case Kind.cancel: {
        const asker = this.#askers.get(link)
        for (const id of decodeCancel(body)) if (asker !== undefined && forget(asker, id)) asker.waiting--
        break
      }
      default:
        throw new MeshError('ERR_PROTOCOL', `consensus frame of unknown kind ${kind}`)
    }
  }

  closed(link: Link): void {
    const asker = this.#askers.get(link)
    this.#askers.delete(link)
    asker?.close()
    if (link.direction === 'outbound') this.#lost(link.peer)
  }

  busy(link: Link): boolean {
    return this.#asks.values().some(({ peer }) => peer === link.peer)
  }

  // ---- asking ------------------------------------------------------------------------------------------------------

  #send(peer: string, group: string, calls: readonly Call[]): void {
    if (peer === this.#parts.self) {
      for (const call of calls) this.#server.take(group, call, this.#own)
      return
    }
    for (const lane of this.lanes) {
      const some = calls.filter(({ op }) => laneOf(op) === lane)
      if (some.length > 0) this.#link(peer, lane).send(Kind.call, encodeCalls({ group, calls: some }), true)
    }
  }

  /** What is answered soon in any case is not worth a word. */
  #cancel(peer: string, { id, op }: Call): void {
    if (op !== 'await' && op !== 'follow') return
    if (peer === this.#parts.self) {
      forget(this.#own, id)
      return
    }
    try {
      this.#link(peer, laneOf(op)).send(Kind.cancel, encodeCancel([id]), false)
    } catch (error) {
      // Whoever cannot be told will find out that nobody wants the answer.
      if (!(error instanceof MeshError)) throw error
    }
  }

  #link(peer: string, lane: Lane): Link {
    return this.#parts.links.to(peer, CONSENSUS, lane)
  }

  #answered(peer: string, answer: Answer): void {
    const ask = this.#asks.get(answer.id)
    if (ask === undefined || !ask.peers.includes(peer)) return
    if ('code' in answer) {
      ask.route.failed(ask, peer, answer)
      return
    }
    // Of two that answer in parts only the later one is listened to.
    if (answer.rest > 0 && ask.peer !== peer) return
    const whole = ask.part(answer, this.#parts.clock.monotonic())
    if (whole === undefined) return
    ask.route.answered(ask, peer)
    ask.resolve(whole)
  }

  #lost(peer: string): void {
    for (const client of this.#clients.values()) client.lost(peer)
  }

  // ---- answering ---------------------------------------------------------------------------------------------------

  #askerOf(link: Link): PeerAsker {
    let asker = this.#askers.get(link)
    if (asker === undefined) this.#askers.set(link, (asker = new PeerAsker(link)))
    return asker
  }

  #take(group: string, call: Call, asker: PeerAsker): void {
    if (asker.waiting < MAX_WAITING) {
      asker.waiting++
      this.#server.take(group, call, asker)
      return
    }
    const message = `more than ${MAX_WAITING} calls wait already`
    asker.waiting++
    asker.answer({ id: call.id, code: 'ERR_QUEUE_FULL', message, leader: undefined, members: undefined })
  }
}

/** Entries of a log must not hold up what is waited for. */
function laneOf(op: Call['op']): Lane {
  return op === 'follow' ? 'bulk' : 'normal'
}

/** Whether it was open. */
function forget({ open }: Asker, id: number): boolean {
  open.get(id)?.()
  return open.delete(id)
}
