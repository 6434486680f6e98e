import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import * as v from 'valibot'
import { MeshError } from '../../protocols/errors.ts'
import { refusedKey } from './config-keys.ts'
import type { LimitOptions, Limits } from './config-limits.ts'
import { node } from './config-schema.ts'

export type { LimitOptions, Limits } from './config-limits.ts'

/** What `createNode` takes. Everything may be left out. */
export interface NodeOptions {
  /** A label for people, 1 to 128 characters; the identity is the PeerId. Default: the last eight characters of that. */
  name?: string | undefined
  /**
   * The folder that keeps the identity and whatever the node must not forget; one node has it at a time (`ERR_CONFIG`).
   * Left out: everything is in memory, and the next start has another identity.
   */
  dataDir?: string | undefined
  /**
   * Multiaddrs to listen on. Default `['/ip4/127.0.0.1/tcp/0']`, loopback and a port that the system chooses: until
   * authority rules exist a mesh serves whoever can connect, so a node is reachable from elsewhere only when it is told
   * to be (`'/ip4/0.0.0.0/tcp/4001'`). An empty list is a node that only dials.
   */
  listen?: readonly (string | Multiaddr)[] | undefined
  /**
   * Where to join: multiaddrs, or the path of a file with one multiaddr a line (`#` begins a comment), read again at
   * each attempt. End them in `/p2p/<PeerId>`: without it whoever answers there is believed. Default none: the first node.
   */
  bootstrap?: string | readonly (string | Multiaddr)[] | undefined
  /** Where the node stands, for routing by topology: 1 to 128 characters. A zone is inside a region. Default none. */
  region?: string | undefined
  zone?: string | undefined
  /** False returns a stopped node. Default true. */
  start?: boolean | undefined
  transports?:
    | {
        /** TCP, Noise and Yamux. Default true; false neither listens nor dials, and this build has nothing to take its place. */
        tcp?: boolean | undefined
      }
    | undefined
  /** The formats of `data` that this node speaks, the preferred first. Default `['messagepack', 'json']` (the faster first). */
  formats?: readonly ('messagepack' | 'json')[] | undefined
  /**
   * Logs the node's events to standard error, and writes data as JSON where the peer reads it, so that a capture can be
   * read (the specification's debug mode). Default false.
   */
  debug?: boolean | undefined
  /**
   * The group of hosts that agree (Raft) on what the mesh as a whole must know: where agents are placed, what was delivered
   * in the coordinated mode, who joined and left. Every node is given the same list: it opens the group `'control-plane'` when it starts, as
   * a voter where the list names it, else as a client. `voters` are PeerIds, an odd number of hosts is best; they count at the group's
   * first start only, as with `node.consensus`. Default none: what needs a group and names none is refused with `ERR_NO_CONSENSUS`.
   */
  controlPlane?: { voters?: readonly (string | PeerId)[] | undefined } | undefined
  /** Bounds; see `Limits` for each default and its source. */
  limits?: LimitOptions | undefined
}

/** The options as the node uses them: checked, addresses as texts, every default filled in. */
export interface NodeConfig {
  readonly name: string | undefined
  readonly dataDir: string | undefined
  readonly listen: readonly string[]
  readonly bootstrap: readonly string[]
  /** Read, again at each attempt to join, beside `bootstrap`. */
  readonly bootstrapFile: string | undefined
  readonly region: string | undefined
  readonly zone: string | undefined
  readonly start: boolean
  readonly transports: { readonly tcp: boolean }
  readonly formats: readonly ('messagepack' | 'json')[]
  readonly debug: boolean
  readonly controlPlane: { readonly voters: readonly string[] }
  readonly limits: Readonly<Limits>
}

/**
 * Checks options and fills in the defaults.
 *
 * Throws `ERR_CONFIG` naming the first wrong key in `details.key` (`'limits.messageBytes'`, `'listen[1]'`); the message
 * has all of them, a line for each, and the errors of `cause` each with its key.
 */
export function resolveConfig(options: NodeOptions = {}): NodeConfig {
  if (Array.isArray(options)) {
    throw new MeshError('ERR_CONFIG', 'the configuration must be an object, not a list', { details: { key: '' } })
  }
  const result = v.safeParse(node, options)
  if (result.success) return result.output
  const problems = result.issues.map(describe)
  const [first] = problems
  throw new MeshError('ERR_CONFIG', problems.map((problem) => problem.message).join('\n'), {
    details: { key: first?.key ?? '' },
    cause: new AggregateError(
      problems.map(({ key, message }) => new MeshError('ERR_CONFIG', message, { details: { key } }))
    )
  })
}

/** One thing wrong with a configuration: `message` names the key already. */
export interface ConfigProblem {
  readonly key: string
  readonly message: string
}

/** All that `resolveConfig` found wrong, each with its own key, in what it threw. */
export function configProblems(error: MeshError): readonly ConfigProblem[] {
  const errors: MeshError[] = error.cause instanceof AggregateError ? error.cause.errors : [error]
  return errors.map(({ details, message }) => ({ key: String(details?.key ?? ''), message }))
}

function describe(issue: v.BaseIssue<unknown>): ConfigProblem {
  const key = keyOf(issue)
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    return { key, message: refusedKey(key, siblings(issue)) }
  }
  const subject = key === '' ? 'the configuration' : key
  return { key, message: `${subject} ${issue.message}${shown(issue.input)}` }
}

/** `limits.messageBytes`, `listen[1]`; '' for the whole. */
function keyOf(issue: v.BaseIssue<unknown>): string {
  let key = ''
  for (const { key: step } of issue.path ?? []) {
    if (typeof step === 'number') key += `[${step}]`
    else key += key === '' ? String(step) : `.${String(step)}`
  }
  return key
}

/** The keys that the schema has where an unknown one was found. */
function siblings(issue: v.BaseIssue<unknown>): string[] {
  const parents = (issue.path ?? []).slice(0, -1).map((step) => String(step.key))
  let schema: unknown = node
  for (const parent of parents) schema = entriesOf(schema)?.[parent]
  return Object.keys(entriesOf(schema) ?? {})
}

/** Pipes and optionals keep what they wrap under `wrapped` or as their own entries. */
function entriesOf(schema: unknown): Record<string, unknown> | undefined {
  const { entries, wrapped } = schema as { entries?: Record<string, unknown>; wrapped?: unknown }
  return entries ?? (wrapped === undefined ? undefined : entriesOf(wrapped))
}

function shown(input: unknown): string {
  if (input === undefined || typeof input === 'object' || typeof input === 'function') return ''
  const text = typeof input === 'string' ? JSON.stringify(input) : String(input)
  return `, not ${text.length > 80 ? `${text.slice(0, 80)}…` : text}`
}
