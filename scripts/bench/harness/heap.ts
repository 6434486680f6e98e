import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** The name of the figure that says how much the heap has more after a full collection. MB are 10^6 bytes. */
export const HEAP_HELD = 'MB of heap held'

/** ms between two looks or collections. */
const INTERVAL = 20
/** One is not enough: V8 frees array buffers on a thread of its own, and what is finalised goes with the next. */
const COLLECTIONS = 3

export interface Memory {
  /** Bytes of the heap, with what lives outside of it and is freed with it: array buffers are among that. */
  heap: number
  /** Bytes of memory that the system has given the process. */
  resident: number
}

function memory(): Memory {
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, resident: rss }
}

/** After full collections: what is still held. */
export async function held(): Promise<Memory> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let i = 0; i < COLLECTIONS; i++) {
    collect()
    await delay(INTERVAL)
  }
  return memory()
}

/** Looks now and then for as long as it is not stopped. */
export class Peak {
  readonly #most: Memory = memory()
  readonly #timer = setInterval(() => this.#look(), INTERVAL)

  #look(): void {
    const { heap, resident } = memory()
    this.#most.heap = Math.max(this.#most.heap, heap)
    this.#most.resident = Math.max(this.#most.resident, resident)
  }

  stop(): Memory {
    clearInterval(this.#timer)
    this.#look()
    return this.#most
  }
}
