import { environmentLayer } from './environment.ts'
import { fileLayer } from './file.ts'
import { commandDefaults, flagLayer, type NodeFlags } from './flags.ts'
import { resolveLayers, type Settings } from './layers.ts'

/** Flags beat variables, which beat the file, which beats the defaults. `unknown`: variables that name no setting. */
export async function readSettings(
  flags: NodeFlags & { config?: string },
  env: NodeJS.ProcessEnv
): Promise<Settings & { unknown: string[] }> {
  const environment = environmentLayer(env)
  const file = await fileLayer(flags.config ?? env.PHOENIX_CONFIG)
  return { ...resolveLayers([flagLayer(flags), environment, file, commandDefaults]), unknown: environment.unknown }
}
