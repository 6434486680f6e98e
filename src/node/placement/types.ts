import type { PeerId } from '@libp2p/interface'
import type { WaitOptions } from '../../agent/types.ts'

/** Every wait is 5,000 ms unless given, that of `move` 30,000 (guesses: elections, and a handler that finishes). */
export interface PlacementOptions extends WaitOptions {
  /** A group that `node.consensus` gave; left out: the control plane. */
  group?: { readonly name: string } | undefined
}

/** Where an agent is. */
export interface Placed {
  readonly agent: string
  /** PeerId of the host at which it is active. */
  readonly peer: string
  /** A fencing token: a later place's is greater. What the agent changes outside of its state should refuse a lower one than it has seen. */
  readonly since: number
  /** PeerId of the host that it is moving to. */
  readonly to: string | undefined
}

/** A change of an agent's place; `peer` undefined: it has none any more. */
export type PlacementChange = Omit<Placed, 'peer'> & { readonly peer: string | undefined }

/** A host that the group has on record. */
export interface RecordedHost {
  readonly peer: string
  readonly name: string
  readonly region: string | undefined
  readonly zone: string | undefined
  /** Index of the entry by which it joined. */
  readonly since: number
}

/**
 * `node.placement`: at which host an agent is, of those that registered it with `placed`. A group that agrees has it on record, the
 * control plane or the one given; so it is the same for everybody, and outlives any minority. The control plane places anew what was at a
 * host that has been off its record for 10 s. Each call rejects with `ERR_NO_CONSENSUS`
 * where there is no group, and with `ERR_NO_QUORUM` at its timeout where the group has no majority.
 *
 * @example
 * // On every host that may have it:
 * await node.agent('ledger', { receive: book, placed: true })
 * // Once, anywhere:
 * await node.placement.place('ledger', a.peerId)
 * await node.placement.move('ledger', b.peerId)
 */
export interface Placement {
  /**
   * Says where it is to be; where it is registered there already, resolves once this node finds it. `ERR_CONFLICT` where it is at another host: then it has to move. In the control plane, a host that
   * has left the mesh, as it is on record there, is none.
   */
  place(agent: string, peer: PeerId | string, options?: PlacementOptions): Promise<Placed>
  /**
   * Moves it: the old host begins nothing new, ends what it handles (10 s at most), and hands back what waits, after the group has recorded
   * the move; the new host goes on with the state that they share. What is under way with exactly-once happens once. When the old host is
   * gone, the new one takes over by itself. Resolves once the move is on record and this node finds it there. Rejects with `ERR_CONFLICT` where it has no place, or
   * somebody has moved it elsewhere meanwhile, `ERR_NO_RESPONDERS` where the old host sees no such agent at the new one (it stays), `ERR_TIMEOUT`:
   * then the move goes on.
   */
  move(agent: string, to: PeerId | string, options?: PlacementOptions): Promise<Placed>
  /** Where it is; undefined: nowhere. As of all that was recorded before the call. */
  of(agent: string, options?: PlacementOptions): Promise<Placed | undefined>
  /** It is to be nowhere: what is sent to it waits or is refused. Whether it was somewhere. */
  remove(agent: string, options?: PlacementOptions): Promise<boolean>
  /**
   * Where each agent is, then each change; of changes that follow each other fast the last. Ends with the node, the loop or `signal`.
   *
   * @example
   * for await (const { agent, peer } of node.placement.changes()) console.log(agent, peer)
   */
  changes(options?: PlacementOptions): AsyncIterableIterator<PlacementChange>
  /** The hosts of the mesh on record: those that the leader of the control plane saw join, and not leave. */
  hosts(options?: PlacementOptions): Promise<RecordedHost[]>
}
