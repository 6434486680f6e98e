import { MeshError } from '../../../protocols/errors.ts'

/** Every duration in ms. */
export interface MembershipOptions {
  /**
   * How long a member that sends nothing stays alive in our view, at most; a half-open connection is hung up after the
   * same time. Only a member that we never had a connection with is left to others at first, for six times as long.
   * Default 5,000 (a guess between SWIM's and a user's patience); every stage below is a fraction of it.
   */
  failureTimeout: number
  /** Members asked to probe a silent one for us. Default 3 (SWIM paper, p. 7; memberlist's `IndirectChecks`). */
  indirectProbes: number
  /** Members that news is handed on to. Default 3 (the specification's gossip fanout). */
  fanout: number
  /** Between two exchanges with a random member. Default 1,000 (the specification's gossip round). */
  exchangeInterval: number
  /** How long the dead, the left and tombstones are remembered, so that old news does not revive them. Default 60,000 (a guess: many exchange rounds). */
  retention: number
  /** Members held, ourselves not counted. Default and highest 512: what a digest frame holds together with the dead. */
  maxMembers: number
  /** Entries of one member. Default 32,768: ten thousand agents and their subscriptions. */
  maxEntries: number
  /** Bytes of one member's entries as MessagePack. Default 8 MiB. */
  maxEntryBytes: number
  /** Up to this many members each connects to each. Default 50 (the specification's bound for Distributed Erlang, which is a full mesh too). */
  fullMeshLimit: number
  /** Dials under way at once. Default 3: a handshake takes 20 ms of processor time on each side, and more at once only make each slower. One while the event loop lags. */
  maxDials: number
  /** Waits between dials of one target grow from `dialBackoff` to `maxDialBackoff`, jittered. Default 250 and 15,000 (a guess). */
  dialBackoff: number
  maxDialBackoff: number
  /** Between two visits to a bootstrap address that is not connected, while the node is in a mesh: islands merge so. Default 10,000 (a guess). */
  bootstrapInterval: number
}

const DEFAULTS: MembershipOptions = {
  failureTimeout: 5_000,
  indirectProbes: 3,
  fanout: 3,
  exchangeInterval: 1_000,
  retention: 60_000,
  maxMembers: 512,
  maxEntries: 32_768,
  maxEntryBytes: 8 * 2 ** 20,
  fullMeshLimit: 50,
  maxDials: 3,
  dialBackoff: 250,
  maxDialBackoff: 15_000,
  bootstrapInterval: 10_000
}

const MAY_BE_NONE: ReadonlySet<string> = new Set(['indirectProbes', 'fanout', 'retention', 'fullMeshLimit'])

/** How often the machine wants to be told the time: a twentieth of the failure timeout, so that no stage is late by more. */
export function tickInterval(options: MembershipOptions): number {
  return options.failureTimeout / 20
}

/** Throws `ERR_CONFIG` naming the option. */
export function withDefaults(options: Partial<MembershipOptions> = {}): MembershipOptions {
  const whole = { ...DEFAULTS, ...options }
  for (const [key, value] of Object.entries(whole)) {
    if (!(key in DEFAULTS)) throw new MeshError('ERR_CONFIG', `membership.${key} is unknown`, { details: { key } })
    const least = MAY_BE_NONE.has(key) ? 0 : 1
    if (!Number.isFinite(value) || value < least) {
      throw new MeshError('ERR_CONFIG', `membership.${key} must be a number, ${least} or more`, { details: { key } })
    }
  }
  if (whole.maxMembers > DEFAULTS.maxMembers || whole.maxMembers < 1) {
    throw new MeshError('ERR_CONFIG', 'membership.maxMembers must be 1 to 512', { details: { key: 'maxMembers' } })
  }
  return whole
}
