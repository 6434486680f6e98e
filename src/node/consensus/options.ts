import { MAX_GROUP_BYTES, MAX_MEMBERS } from '../../../protocols/raft/constants.ts'
import { checkWait, isCount, wrong } from '../../agent/options.ts'
import type { WaitOptions } from '../../agent/types.ts'
import { keyValue } from '../../core/replicated/key-value.ts'
import type { StateMachine } from '../../core/replicated/types.ts'
import type { Consistency } from '../../runtime/consensus/client/types.ts'
import { isPeer } from '../../runtime/libp2p/dialer.ts'
import type { ConsensusOptions, LockOptions, ReadOptions, WatchOptions } from './types.ts'

/** ms. A guess: three elections. */
const TIMEOUT = 5_000
/** ms. A guess. */
const TTL = 10_000
const LEAST_TTL = 100
const MOST_TTL = 86_400_000
/** Bytes of the name of a lock or an election. */
const MAX_NAME_BYTES = 255

export interface GroupSettings {
  readonly voters: readonly string[]
  readonly learners: readonly string[]
  readonly machine: StateMachine
}

/** Throws `ERR_CONFIG` naming the key. */
export function settingsOf(group: unknown, options: ConsensusOptions): GroupSettings {
  if (!isName(group, MAX_GROUP_BYTES)) throw wrong('group', `a text of 1 to ${MAX_GROUP_BYTES} bytes`)
  checkObject(options)
  const { voters, learners = [], machine = keyValue(), ...unknown } = options
  refuseOthers(unknown, 'consensus')
  checkMachine(machine)
  return { ...membersOf(voters, learners), machine }
}

export function membersOf(
  voters: readonly unknown[],
  learners: readonly unknown[]
): { voters: string[]; learners: string[] } {
  const members = { voters: peersOf('voters', voters, 1), learners: peersOf('learners', learners, 0) }
  if (members.learners.some((peer) => members.voters.includes(peer))) throw wrong('learners', 'others than the voters')
  return members
}

function peersOf(key: string, peers: unknown, least: number): string[] {
  if (!Array.isArray(peers) || peers.length < least || peers.length > MAX_MEMBERS) {
    throw wrong(key, `a list of ${least} to ${MAX_MEMBERS} PeerIds`)
  }
  const texts = peers.map((peer, i) => peerOf(`${key}[${i}]`, peer))
  if (new Set(texts).size < texts.length) throw wrong(key, 'different PeerIds')
  return texts
}

export function peerOf(key: string, peer: unknown): string {
  const text = typeof peer === 'object' && peer !== null ? String(peer) : peer
  if (typeof text !== 'string' || !isPeer(text)) throw wrong(key, 'a PeerId, or one as text')
  return text
}

function checkMachine(machine: unknown): void {
  const methods = ['apply', 'query', 'snapshot', 'restore'] as const
  const given = machine as Partial<StateMachine> | null
  if (typeof given !== 'object' || given === null || methods.some((name) => typeof given[name] !== 'function')) {
    throw wrong('machine', `an object with ${methods.join(', ')}`)
  }
}

export type Wait = WaitOptions & { timeout: number }

/** The wait that a call was given. */
export function waitOf(options: WaitOptions, call: string): Wait {
  checkObject(options)
  const { signal, timeout = TIMEOUT, ...unknown } = options
  refuseOthers(unknown, call)
  checkWait({ signal, timeout })
  return { signal, timeout }
}

export function readOf(options: ReadOptions): { wait: Wait; consistency: Consistency } {
  checkObject(options)
  const { consistency = 'strong', ...wait } = options
  if (consistency !== 'strong' && consistency !== 'session' && consistency !== 'eventual') {
    throw wrong('consistency', `'strong', 'session' or 'eventual'`)
  }
  return { wait: waitOf(wait, 'read'), consistency }
}

export function lockOf(options: LockOptions, call: string): { wait: Wait; ttl: number } {
  checkObject(options)
  const { ttl = TTL, ...wait } = options
  if (!Number.isSafeInteger(ttl) || ttl < LEAST_TTL || ttl > MOST_TTL) {
    throw wrong('ttl', `a whole number of ms from ${LEAST_TTL} to ${MOST_TTL}`)
  }
  return { wait: waitOf(wait, call), ttl }
}

export function watchOf(options: WatchOptions): { from: number | undefined; signal: AbortSignal | undefined } {
  checkObject(options)
  const { from, signal, ...unknown } = options
  refuseOthers(unknown, 'watch')
  checkWait({ signal })
  if (from !== undefined && !isCount(from)) throw wrong('from', 'an index: a whole number, not negative')
  return { from, signal }
}

export function checkName(name: unknown): asserts name is string {
  if (!isName(name, MAX_NAME_BYTES)) throw wrong('name', `a text of 1 to ${MAX_NAME_BYTES} bytes`)
}

export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || !key.isWellFormed()) throw wrong('key', 'a text')
}

function isName(value: unknown, limit: number): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed() && Buffer.byteLength(value) <= limit
}

export function checkObject(options: unknown): void {
  if (typeof options !== 'object' || options === null) throw wrong('options', 'an object')
}

function refuseOthers(unknown: object, call: string): void {
  for (const key of Object.keys(unknown)) throw wrong(key, `left out: ${call} has no such option`)
}
