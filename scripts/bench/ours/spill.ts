/** What a gibibyte costs that nobody reads yet, and how it comes back. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Message, Node } from '../../../src/index.ts'
import { HEAP_HELD, held, type Memory, Peak } from '../harness/heap.ts'
import type { Tally } from '../harness/tally.ts'
import type { Job, Pattern, Receiver } from '../harness/types.ts'
import { IN_MEMORY, type Withheld, withheld } from './withheld.ts'

/** How often a payload's sequence begins again. */
const SEQUENCES = 2 ** 24
/** ms between two looks at the files. */
const INTERVAL = 10

const SPILLS = new Set<Pattern>(['spill', 'spill-topic'])

export function spills({ pattern }: Job): boolean {
  return SPILLS.has(pattern)
}

export async function receiveSpilled(
  node: Node,
  folder: string,
  job: Job,
  tally: Tally
): Promise<Pick<Receiver, 'expect' | 'sent'>> {
  const run = new Spilling(job, tally, folder, await withheld(node, job, (message) => run.read(message)))
  return { expect: (messages) => run.expect(messages), sent: () => run.sent() }
}

class Spilling {
  readonly #job: Job
  readonly #tally: Tally
  readonly #folder: string
  readonly #withheld: Withheld
  #all = Promise.withResolvers<void>()
  #messages = 0
  #left = 0
  #sequence = 0
  #before: Memory = { heap: 0, resident: 0 }
  #bytesBefore = 0
  #from = 0
  #peak: Peak | undefined

  constructor(job: Job, tally: Tally, folder: string, withheld: Withheld) {
    this.#job = job
    this.#tally = tally
    this.#folder = folder
    this.#withheld = withheld
  }

  async expect(messages: number): Promise<void> {
    this.#messages = this.#left = messages
    this.#all = Promise.withResolvers()
    this.#withheld.withhold()
    this.#bytesBefore = bytesIn(this.#folder)
    this.#before = await held()
    this.#peak = new Peak()
    this.#from = performance.now()
  }

  async sent(): Promise<Record<string, number>> {
    await this.#spilled()
    const spilling = this.#seconds()
    const peak = this.#peak!.stop()
    const after = await held()
    this.#from = performance.now()
    this.#withheld.release(this.#messages)
    await this.#all.promise
    return {
      [HEAP_HELD]: megabytes(after.heap - this.#before.heap),
      'with garbage at most': megabytes(peak.heap - this.#before.heap),
      'resident at most': megabytes(peak.resident - this.#before.resident),
      'spilled/s': this.#messages / spilling,
      'read/s': this.#messages / this.#seconds()
    }
  }

  /** Resolves when the files are as long as they are at least with all of it that is not in memory. */
  async #spilled(): Promise<void> {
    const bytes = this.#bytesBefore + (this.#messages - IN_MEMORY - 1) * this.#job.bytes
    while (bytesIn(this.#folder) < bytes) await delay(INTERVAL)
  }

  read(message: Message): void {
    const data = message.data as Uint8Array
    const sequence = data[0]! | (data[1]! << 8) | (data[2]! << 16)
    if (sequence !== this.#sequence) this.#all.reject(new Error(`${sequence} came where ${this.#sequence} was due`))
    this.#sequence = (sequence + 1) % SEQUENCES
    this.#tally.read(message, message.trace?.traceparent ?? '', data)
    if (--this.#left === 0) this.#all.resolve()
  }

  #seconds(): number {
    return (performance.now() - this.#from) / 1_000
  }
}

const megabytes = (bytes: number): number => bytes / 1e6

function bytesIn(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.reduce((sum, it) => (it.isFile() ? sum + sizeOf(join(it.parentPath, it.name)) : sum), 0)
}

/** 0 for a file that has been removed or renamed since. */
function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
