import { openLog } from '../../../src/runtime/storage/open-log.ts'
import type { LogOptions, SegmentLog } from '../../../src/runtime/storage/segment-log.ts'
import type { StorageEvent } from '../../../src/runtime/storage/types.ts'
import { seededDice } from '../../../src/testing/dice.ts'
import { SimulatedDisk } from '../../../src/testing/disk.ts'
import { type MortalClock, Time } from '../../../src/testing/time.ts'

/** A log on a simulated disk whose syncs take 1 ms each, through its lives. */
export class LogGround {
  readonly time = new Time()
  readonly disk = new SimulatedDisk(seededDice('log').random, { syncLatency: [1, 1] })
  readonly events: StorageEvent[] = []
  log!: SegmentLog
  #clock!: MortalClock

  async open(options: LogOptions = {}): Promise<SegmentLog> {
    this.#clock = this.time.clock()
    const report = (event: StorageEvent) => this.events.push(event)
    this.log = await this.run(openLog(this.disk.attach(this.#clock), { report, ...options }))
    return this.log
  }

  async reopen(options: LogOptions = {}): Promise<SegmentLog> {
    await this.run(this.log.close())
    return this.open(options)
  }

  crash(): void {
    this.#clock.stop()
    this.disk.crash()
  }

  /** Appends and waits for the disk. */
  async add(...records: string[]): Promise<void> {
    for (const record of records) this.log.append(Buffer.from(record))
    await this.run(this.log.sync())
  }

  async records(from = 1): Promise<(readonly [number, string])[]> {
    const records: (readonly [number, string])[] = []
    const read = async () => {
      for await (const [index, record] of this.log.read(from)) records.push([index, Buffer.from(record).toString()])
    }
    await this.run(read())
    return records
  }

  /** The files of the log, oldest first. */
  get files(): string[] {
    return [...this.disk.files().keys()]
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.time.run(promise, 60_000)
  }
}
