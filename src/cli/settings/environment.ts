import { resolveConfig } from '../../node/config.ts'
import { type Layer, leaves } from './layers.ts'

/** Names that people expect, where the rule would give another. */
const SHORT: Record<string, string> = { dataDir: 'PHOENIX_DATA' }
/** Variables that are no settings of a node. */
const OTHERS = ['PHOENIX_CONFIG']
const LISTS = ['listen', 'bootstrap', 'formats', 'controlPlane.voters']
const TEXTS = ['name', 'dataDir', 'region', 'zone', 'agents']

/** `PHOENIX_LIMITS_MESSAGE_BYTES` for `limits.messageBytes`. */
function variableOf(key: string): string {
  const snake = key.replaceAll('.', '_').replace(/[A-Z]/g, (capital) => `_${capital}`)
  return SHORT[key] ?? `PHOENIX_${snake.toUpperCase()}`
}

function variables(): Map<string, string> {
  const keys = new Set([...leaves(resolveConfig()).keys(), ...TEXTS, ...LISTS])
  keys.delete('bootstrapFile')
  return new Map(Array.from(keys, (key) => [variableOf(key), key]))
}

/**
 * The settings in `PHOENIX_*` variables: lists are separated by commas. `unknown` are variables of that prefix that
 * name no setting; they may be another program's, so they are worth a word and no more.
 */
export function environmentLayer(env: NodeJS.ProcessEnv): Layer & { unknown: string[] } {
  const known = variables()
  const settings = new Map<string, unknown>()
  const unknown: string[] = []
  for (const [variable, text] of Object.entries(env)) {
    const key = known.get(variable)
    if (key !== undefined) settings.set(key, settingOf(key, text ?? ''))
    else if (variable.startsWith('PHOENIX_') && !OTHERS.includes(variable)) unknown.push(variable)
  }
  return { settings, source: variableOf, unknown }
}

/** What does not parse stays text, for the configuration to refuse by its name. */
function settingOf(key: string, text: string): unknown {
  if (LISTS.includes(key)) return listOf(key, text)
  if (TEXTS.includes(key)) return text
  if (text === 'true' || text === 'false') return text === 'true'
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}

function listOf(key: string, text: string): unknown {
  const values = text
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '')
  return key === 'bootstrap' && values.length === 1 ? values[0] : values
}
