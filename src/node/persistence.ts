import { HostState } from '../agent/state-home.ts'
import { createMemoryStore } from '../runtime/storage/memory-store.ts'
import { SpillFolders } from '../runtime/storage/spill-folders.ts'
import { openStore } from '../runtime/storage/store.ts'
import type { Store } from '../runtime/storage/types.ts'
import type { NodeEventBody } from './events.ts'
import type { World } from './world.ts'

/** What a node remembers: on disk from `open` on where the world has one, else in memory. Nothing may hold it before that. */
export class Persistence {
  readonly #world: World
  readonly #spillBytes: number
  readonly #emit: (event: NodeEventBody) => void
  #claimed: AsyncDisposable | undefined
  #store: Store = createMemoryStore()
  #spills: SpillFolders | undefined
  /** From the first agent on. */
  #state: HostState | undefined

  constructor(world: World, spillBytes: number, emit: (event: NodeEventBody) => void) {
    this.#world = world
    this.#spillBytes = spillBytes
    this.#emit = emit
  }

  get store(): Store {
    return this.#store
  }

  /** Where queues spill to; undefined without a disk. */
  get spills(): SpillFolders | undefined {
    return this.#spills
  }

  /** Where the state is of agents that share it with no other host. */
  get state(): HostState {
    this.#state ??= new HostState(this.#store)
    return this.#state
  }

  /** Rejects with `ERR_CONFIG` where another process has the folder, `ERR_STORAGE`. */
  async open(): Promise<void> {
    const { disk, claim } = this.#world
    this.#claimed = await claim?.()
    if (disk === undefined) return
    this.#store = await openStore(disk, { report: this.#emit })
    this.#spills = new SpillFolders(disk.folder('spill'), this.#spillBytes, this.#emit)
  }

  async close(): Promise<void> {
    await this.#spills?.closed()
    await this.#store.close()
    await this.#claimed?.[Symbol.asyncDispose]()
  }
}
