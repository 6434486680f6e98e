import { MeshError } from '../../../protocols/errors.ts'
import { configProblems, type NodeConfig, type NodeOptions, resolveConfig } from '../../node/config.ts'

/** Settings from one place: `{ 'limits.messageBytes': 1024 }`, each key a path into the node's options. */
export interface Layer {
  settings: ReadonlyMap<string, unknown>
  /** What a person would have to change: `--listen`, `PHOENIX_LISTEN`, `./phoenix.yaml`. */
  source(key: string): string
}

export interface Settings {
  /** What `createNode` is given. */
  options: NodeOptions
  /** The same, checked and filled in. */
  config: NodeConfig
  /** Path of the module with the agents. */
  agents: string | undefined
  /** Each value that counts and where it came from. */
  origins: Map<string, { value: unknown; source: string }>
}

/** The command's own keys, beside those of `NodeOptions`. */
const COMMAND_KEYS = ['agents']

/**
 * One configuration of many layers, the strongest first. Throws `ERR_CONFIG`; `details` has the key and its source.
 */
export function resolveLayers(layers: readonly Layer[]): Settings {
  const given = new Map<string, { value: unknown; source: string }>()
  for (const { settings, source } of layers) {
    for (const [key, value] of settings) {
      if (!given.has(key)) given.set(key, { value, source: source(key) })
    }
  }
  const agents = agentsPath(given.get('agents'))
  const options: Record<string, unknown> = Object.create(null)
  for (const [key, { value }] of given) {
    if (!COMMAND_KEYS.includes(key)) place(options, key, value)
  }
  const config = resolve(options, given)
  const origins = new Map<string, { value: unknown; source: string }>()
  // A file of addresses is a value of `bootstrap`, as it was given.
  const { bootstrapFile, ...shown } = config
  for (const [key, value] of leaves({ ...shown, bootstrap: bootstrapFile ?? shown.bootstrap, agents })) {
    origins.set(key, { value, source: given.get(key)?.source ?? 'default' })
  }
  return { options, config, agents, origins }
}

/** The settings in a tree of options; lists are values. */
export function leaves(tree: object, prefix = ''): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const [name, value] of Object.entries(tree)) {
    const key = prefix + name
    const branch = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (branch && Object.keys(value).length > 0) for (const leaf of leaves(value, `${key}.`)) found.set(...leaf)
    else found.set(key, value)
  }
  return found
}

/** Without prototypes, so that a key such as `__proto__` is a key like any other. */
function place(options: Record<string, unknown>, key: string, value: unknown): void {
  const path = key.split('.')
  let branch = options
  for (const step of path.slice(0, -1)) {
    if (typeof branch[step] !== 'object' || branch[step] === null) branch[step] = Object.create(null)
    branch = branch[step] as Record<string, unknown>
  }
  branch[path.at(-1)!] = value
}

function resolve(options: NodeOptions, given: Map<string, { source: string }>): NodeConfig {
  try {
    return resolveConfig(options)
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    const sourceOf = (key: string) => given.get(key.replace(/\[\d+\]$/, ''))?.source
    const lines = configProblems(error).map(({ key, message }) => {
      const source = sourceOf(key)
      return source === undefined ? message : `${message} (from ${source})`
    })
    const key = String(error.details?.key ?? '')
    const details = { key, source: sourceOf(key) }
    throw new MeshError('ERR_CONFIG', lines.join('\n'), { cause: error, details })
  }
}

function agentsPath(given: { value: unknown; source: string } | undefined): string | undefined {
  if (given === undefined) return undefined
  if (typeof given.value === 'string' && given.value !== '') return given.value
  const message = `agents must be the path of a module (from ${given.source})`
  throw new MeshError('ERR_CONFIG', message, { details: { key: 'agents', source: given.source } })
}
