import assert from 'node:assert/strict'
import { openStore } from '../../../src/runtime/storage/store.ts'
import type { Change, StorageEvent, Store } from '../../../src/runtime/storage/types.ts'
import { seededDice } from '../../../src/testing/dice.ts'
import { SimulatedDisk } from '../../../src/testing/disk.ts'
import { type MortalClock, Time } from '../../../src/testing/time.ts'

/** Small, so that a test of some dozen writes rolls over and compacts. */
const SEGMENT_BYTES = 2_048

export type Contents = ReadonlyMap<string, string>

interface Written {
  readonly changes: readonly Change[]
  state: 'pending' | 'acknowledged' | 'refused'
  /** Refused by a disk that might refuse as well the new segment, which would have denied it for good. */
  doubtful: boolean
}

/** A store on a simulated disk through its lives, beside what a map would hold. */
export class Lives {
  readonly time = new Time()
  readonly disk: SimulatedDisk
  readonly events: StorageEvent[] = []
  store!: Store
  #clock!: MortalClock
  #faulty = false
  #acknowledged = new Map<string, string>()
  /** Since the last acknowledgement. */
  #later: Written[] = []

  constructor(seed: number) {
    this.disk = new SimulatedDisk(seededDice(`${seed}/disk`).random, { syncLatency: [1, 1] })
  }

  /** From now on syncs and writes fail now and then, or no longer. */
  set faults(faulty: boolean) {
    this.#faulty = faulty
    Object.assign(
      this.disk.conditions,
      faulty ? { syncFailure: 0.3, writeFailure: 0.1 } : { syncFailure: 0, writeFailure: 0 }
    )
  }

  /** The next life of the store, which must hold what was promised. */
  async open(): Promise<void> {
    this.#clock = this.time.clock()
    const disk = this.disk.attach(this.#clock).folder('store')
    const report = (event: StorageEvent) => this.events.push(event)
    this.store = await this.run(openStore(disk, { report, segmentBytes: SEGMENT_BYTES }))
    const contents = await this.contents()
    const possible = this.#possible()
    assert.ok(
      possible.some((candidate) => isEqual(candidate, contents)),
      `${show(contents)} is none of ${possible.map(show).join(' or ')}`
    )
    this.#acknowledged = new Map(contents)
    this.#later = []
  }

  write(changes: readonly Change[]): Promise<void> {
    const written: Written = { changes, state: 'pending', doubtful: false }
    this.#later.push(written)
    const writing = this.store.write(changes)
    writing.then(
      () => {
        written.state = 'acknowledged'
        this.#acknowledge()
      },
      () => {
        written.state = 'refused'
        written.doubtful = this.#faulty
      }
    )
    return writing
  }

  /** What readers must see: all that was acknowledged, and all that is on its way. */
  get expected(): Contents {
    return this.#later.reduce<Contents>(
      (contents, { changes, state }) => (state === 'refused' ? contents : applied(contents, changes)),
      this.#acknowledged
    )
  }

  async contents(): Promise<Contents> {
    const contents = new Map<string, string>()
    const read = async () => {
      for await (const [key, value] of this.store.entries('')) contents.set(key, Buffer.from(value).toString())
    }
    await this.run(read())
    for (const [key, value] of contents) {
      assert.equal(Buffer.from((await this.run(this.store.get(key))) ?? []).toString(), value, 'get and entries differ')
      assert.ok(this.store.version(key) > 0)
    }
    return contents
  }

  async close(): Promise<void> {
    await this.run(this.store.close())
    await this.time.advance(0)
  }

  crash(): void {
    this.#clock.stop()
    this.disk.crash()
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.time.run(promise, 60_000)
  }

  #acknowledge(): void {
    const last = this.#later.findLastIndex(({ state }) => state === 'acknowledged')
    for (const { changes, state } of this.#later.splice(0, last + 1)) {
      assert.notEqual(state, 'pending', 'acknowledged before one that was written earlier')
      if (state === 'acknowledged') this.#acknowledged = new Map(applied(this.#acknowledged, changes))
    }
  }

  /**
   * All that was acknowledged, and some first of what was on its way; or some first of what was refused, if it was
   * refused by a disk that takes nothing else either.
   */
  #possible(): Contents[] {
    const possible: Contents[] = [this.#acknowledged]
    for (const [i, { state, doubtful }] of this.#later.entries()) {
      if (state === 'refused' && !doubtful) continue
      let contents: Contents = this.#acknowledged
      for (const { changes } of this.#later.slice(i)) {
        contents = applied(contents, changes)
        possible.push(contents)
      }
    }
    return possible
  }
}

function applied(contents: Contents, changes: readonly Change[]): Contents {
  const next = new Map(contents)
  for (const { key, value } of changes) {
    if (value === undefined) next.delete(key)
    else next.set(key, Buffer.from(value).toString())
  }
  return next
}

export function isEqual(a: Contents, b: Contents): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}

export function show(contents: Contents): string {
  return `{${[...contents]
    .sort()
    .map(([key, value]) => `${key}: ${value.slice(0, 12)}`)
    .join(', ')}}`
}
