import { addressesOrFile, DEFAULT_DATA } from '../session.ts'
import type { Layer } from './layers.ts'

/** The flags of a command that starts a node. */
export interface NodeFlags {
  listen?: string[]
  bootstrap?: string[]
  data?: string
  name?: string
  region?: string
  zone?: string
  agents?: string
  voter?: string[]
  debug?: boolean
}

/** Flags that are not called as what they set. */
const NAMES: Record<string, string> = { dataDir: '--data', 'controlPlane.voters': '--voter' }

export function flagLayer(flags: NodeFlags): Layer {
  const { listen, bootstrap, data, name, region, zone, agents, voter, debug } = flags
  const given = { listen, dataDir: data, name, region, zone, agents, debug, 'controlPlane.voters': voter }
  const settings = new Map<string, unknown>(Object.entries(given).filter(([, value]) => value !== undefined))
  if (bootstrap !== undefined) settings.set('bootstrap', addressesOrFile(bootstrap))
  return { settings, source: (key) => NAMES[key] ?? `--${key}` }
}

/** Where the command differs from the library: its nodes keep their data, so that other commands find them. */
export const commandDefaults: Layer = {
  settings: new Map([['dataDir', DEFAULT_DATA]]),
  source: () => 'default'
}
