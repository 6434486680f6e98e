import { dataFolder, identity } from './folder.ts'
import { clock, nodeVersion, openFiles } from './machine.ts'
import { bootstrap, ports } from './network.ts'
import type { Check } from './types.ts'

/** What `phoenix doctor` looks at, in the order in which a person would. */
export const checks: readonly Check[] = [nodeVersion, clock, openFiles, dataFolder, identity, ports, bootstrap]
