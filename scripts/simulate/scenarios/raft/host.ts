import type { RaftOptions } from '../../../../src/core/consensus/options.ts'
import { Raft, type RaftEffect, type RaftInput, type Status } from '../../../../src/core/consensus/raft.ts'
import type { Ready } from '../../../../src/core/consensus/ready.ts'
import type { Entry, Message, Snapshot } from '../../../../src/core/consensus/types.ts'
import type { Chance } from '../../chance.ts'
import type { Auditor } from './auditor.ts'
import { Disk, type Pending } from './disk.ts'
import type { History } from './history.ts'
import { Register } from './register.ts'

/** ms between ticks, at least: a node's timer is never early. */
export const TICK = 10

export interface Surroundings {
  readonly chance: Chance
  readonly auditor: Auditor
  readonly history: History
  readonly options: Partial<RaftOptions>
  /** Undefined of a node that is down. */
  registerOf(node: string): Register | undefined
  /** The true time. */
  now(): number
  after(ms: number, run: () => void): void
  send(message: Message): void
  note(text: string): void
}

/** The driver of one node over fake disks: it keeps the contract of `Raft`, and whatever is not promised goes wrong. */
export class Host {
  readonly id: string
  /** ms that a write takes, at most. */
  slowest = 8
  /** ms on its own clock between its ticks: a node that is busy has fewer, never more. */
  pace = TICK
  /** Undefined while it is down. */
  raft: Raft | undefined
  /** Of `raft`, as of the last step. */
  status: Status | undefined
  register: Register
  readonly #around: Surroundings
  /** ms on its clock in a true one. */
  readonly #speed: number
  readonly #disk: Disk
  #life = 0
  #writing = false

  constructor(id: string, first: Snapshot, speed: number, around: Surroundings) {
    this.id = id
    this.#speed = speed
    this.#around = around
    this.#disk = new Disk(first)
    this.register = Register.of(first)
    this.start()
  }

  get up(): Register | undefined {
    return this.raft === undefined ? undefined : this.register
  }

  start(): void {
    const { chance, options } = this.#around
    const { hardState, snapshot, entries } = this.#disk
    this.#life++
    this.raft = new Raft({ id: this.id, hardState, snapshot, entries }, options, () => chance.between(0, 1))
    this.register = Register.of(snapshot)
    this.#around.auditor.started(this.id, snapshot, entries)
    this.#later(chance.between(1, TICK), () => this.#tick())
    this.#carryOut()
  }

  /** Nothing is left but the disk, and of what was being written some first part. */
  crash(): void {
    const { chance, note, history } = this.#around
    const made = chance.happens(0.5) ? 0 : chance.below(this.#disk.pending.length + 1)
    note(`${this.id} crashes: ${made} of ${this.#disk.pending.length} writes were made`)
    this.#disk.crash(made)
    history.crashed(this.id)
    this.#life++
    this.#writing = false
    this.raft = this.status = undefined
  }

  handle(input: RaftInput): RaftEffect[] {
    const effects: RaftEffect[] = []
    this.raft?.handle(input, this.#around.now() * this.#speed, effects)
    this.#carryOut()
    return effects
  }

  /** A snapshot of what is applied; of the entries some are kept for those who are a little behind. */
  compact(kept: number): void {
    const { raft, register } = this
    if (raft === undefined || register.index <= this.#disk.snapshot.index) return
    const meta = raft.describe(register.index)
    if (meta === undefined) return
    const snapshot: Snapshot = { ...meta, data: register.encode() }
    const index = Math.max(0, register.index - kept)
    this.#disk.keep(snapshot, index)
    this.handle({ kind: 'compact', index, snapshot })
  }

  #tick(): void {
    this.handle({ kind: 'tick' })
    this.#later(Math.ceil(this.pace / this.#speed) + (this.#around.chance.happens(0.02) ? 30 : 0), () => this.#tick())
  }

  /** For this life only. */
  #later(delay: number, work: () => void): void {
    const life = this.#life
    this.#around.after(delay, () => {
      if (life === this.#life) work()
    })
  }

  #carryOut(): void {
    for (let ready = this.raft?.take(); ready !== undefined; ready = this.raft?.take()) this.#carry(ready)
    if (this.raft === undefined) return
    this.status = this.raft.status()
    this.#around.auditor.stands(this.status, this.#life)
  }

  #carry(ready: Ready): void {
    const { auditor, history, note, registerOf } = this.#around
    if (ready.soft !== undefined) note(`${this.id} is ${ready.soft.role}, leader ${ready.soft.leader}`)
    if (ready.write !== undefined) auditor.writes(this.id, ready.write)
    for (const message of [...ready.atOnce, ...ready.commits]) this.#around.send(message)
    if (ready.write !== undefined || this.#disk.pending.length > 0) {
      this.#disk.pending.push({ write: ready.write, messages: ready.afterPersist })
      this.#write()
    } else for (const message of ready.afterPersist) this.#around.send(message)
    auditor.handsOut(this.id, ready.committed, this.#disk.entries)
    if (ready.committed.length > 0)
      this.#later(this.#around.chance.between(0, this.slowest / 4), () => this.#apply(ready.committed))
    for (const { context, index } of ready.reads) {
      auditor.readConfirmed(context, index)
      history.readConfirmed(context, index, registerOf)
    }
    for (const context of ready.abandonedReads) {
      auditor.readAbandoned(context)
      history.readAbandoned(context)
    }
  }

  /** Whatever waits shares one write. */
  #write(): void {
    if (this.#writing) return
    this.#writing = true
    const together = this.#disk.pending.length
    this.#later(this.#around.chance.between(1, this.slowest), () => {
      for (let i = 0; i < together; i++) this.#written(this.#disk.finish())
      this.#writing = false
      if (this.#disk.pending.length > 0) this.#write()
    })
  }

  #written({ write, messages }: Pending): void {
    if (write?.snapshot !== undefined) this.#restore(write.snapshot)
    for (const message of messages) this.#around.send(message)
    if (write !== undefined) this.handle({ kind: 'persisted', number: write.number })
  }

  #restore(snapshot: Snapshot): void {
    this.register = Register.of(snapshot)
    this.#around.auditor.restored(this.id, this.register)
    this.#around.history.restored(this.id, this.register)
    this.handle({ kind: 'applied', index: snapshot.index })
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index <= this.register.index) continue
      const outcome = this.register.apply(entry)
      this.#around.auditor.applied(this.id, entry, this.register)
      this.#around.history.applied(this.id, entry, outcome, this.register)
    }
    this.handle({ kind: 'applied', index: this.register.index })
  }
}
