import type { Clock, Dice, Disk, Network } from '../runtime/ports.ts'
import type { NodeEvent } from './events.ts'

/** What a node runs on. */
export interface World {
  network: Network
  clock: Clock
  dice: Dice
  /** Where the node keeps what outlives it; left out where nothing does. */
  disk?: Disk | undefined
  /** Beside the disk, for what tells that the disk was lost or is an older copy. */
  marks?: Disk | undefined
  /** Makes the disk this process's alone, from the start to the stop of the node. `ERR_CONFIG` where another has it. */
  claim?: (() => Promise<AsyncDisposable>) | undefined
  /** How busy the process is, 0 to 1; left out where that means nothing. */
  load?: (() => number) | undefined
  /** Takes every event, where somebody wants to read them. */
  log?: ((event: NodeEvent) => void) | undefined
}
