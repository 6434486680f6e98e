import { Disk } from '../../../../scripts/simulate/scenarios/raft/disk.ts'
import type { RaftOptions } from '../../../../src/core/consensus/options.ts'
import { Raft, type RaftEffect, type RaftInput } from '../../../../src/core/consensus/raft.ts'
import type { Ready } from '../../../../src/core/consensus/ready.ts'
import type { Entry, Message, Snapshot } from '../../../../src/core/consensus/types.ts'
import { bytes, logOf } from '../lone-node.ts'
import { configurationText, entryText } from './sentences.ts'

/** Where an actor's messages go, and what it does is told. */
export interface Around {
  readonly options: Partial<RaftOptions>
  send(message: Message): void
  tell(text: string): void
}

/** One node whose disk makes every write at once. */
export class Actor {
  readonly id: string
  /** Undefined while it is down. */
  raft: Raft | undefined
  readonly #disk: Disk
  readonly #patience: number
  readonly #around: Around
  #applied: string[] = []

  /** `patience`: the share of an election time that it waits longer than another. */
  constructor(id: string, snapshot: Snapshot, terms: readonly number[], patience: number, around: Around) {
    this.id = id
    this.#disk = new Disk(snapshot)
    this.#disk.entries = logOf(...terms)
    this.#disk.hardState = { term: terms.at(-1) ?? 0, vote: undefined, commit: 0 }
    this.#patience = patience
    this.#around = around
    this.start()
  }

  start(): void {
    const { hardState, snapshot, entries } = this.#disk
    this.raft = new Raft({ id: this.id, hardState, snapshot, entries }, this.#around.options, () => this.#patience)
    this.#restore(snapshot)
  }

  crash(): void {
    this.raft = undefined
  }

  handle(input: RaftInput): void {
    const effects: RaftEffect[] = []
    this.raft?.handle(input, 0, effects)
    for (const effect of effects) {
      if (effect.kind !== 'refused') continue
      const { reason, leader } = effect
      this.#tell(`refuses: ${reason}${leader === undefined || leader === this.id ? '' : `, ask ${leader}`}`)
    }
    this.#carryOut()
  }

  /** A snapshot of what is applied: no entry is kept. */
  compact(): void {
    const { applied } = this.raft!.status()
    const snapshot: Snapshot = { ...this.raft!.describe(applied)!, data: bytes(this.#applied.join(' ')) }
    this.#disk.keep(snapshot, applied)
    this.#tell(`snapshot of all up to ${applied}: “${this.#applied.join(' ')}”; the log before it is gone`)
    this.handle({ kind: 'compact', index: applied, snapshot })
  }

  log(): string {
    const { snapshot, entries } = this.#disk
    const start = snapshot.index === 0 ? [] : [`[snapshot up to ${snapshot.index}.${snapshot.term}]`]
    return [...start, ...entries.map(entryText)].join(' | ')
  }

  standing(): string {
    if (this.raft === undefined) return 'down'
    const { role, term, leader, commit, configuration } = this.raft.status()
    const whom = role === 'leader' || leader === undefined ? '' : ` of ${leader}`
    return `${role}${whom} in term ${term}, committed up to ${commit}; ${configurationText(configuration)}`
  }

  #tell(text: string): void {
    this.#around.tell(`${this.id}: ${text}`)
  }

  #carryOut(): void {
    for (let ready = this.raft?.take(); ready !== undefined; ready = this.raft?.take()) this.#carry(ready)
  }

  #carry({ soft, write, atOnce, commits, afterPersist, committed, reads, abandonedReads }: Ready): void {
    if (soft !== undefined) this.#tell(this.#became(soft.role, soft.leader))
    if (write !== undefined) {
      this.#disk.pending.push({ write, messages: [] })
      this.#disk.finish()
      if (write.snapshot !== undefined) {
        this.#restore(write.snapshot)
        this.#tell(`the snapshot takes the place of the log: “${this.#applied.join(' ')}”`)
      }
      this.handle({ kind: 'persisted', number: write.number })
    }
    for (const message of [...atOnce, ...commits, ...afterPersist]) this.#around.send(message)
    if (write?.snapshot !== undefined) this.handle({ kind: 'applied', index: write.snapshot.index })
    this.#apply(committed)
    for (const { context, index } of reads) this.#tell(`read ${context} may be served, once ${index} is applied`)
    for (const context of abandonedReads) this.#tell(`read ${context} is given up`)
  }

  #became(role: string, leader: string | undefined): string {
    const { term } = this.raft!.status()
    if (role === 'leader') return `leader of term ${term}`
    if (role !== 'follower') return `${role} in term ${term}`
    return leader === undefined ? `follows nobody in term ${term}` : `follows ${leader} in term ${term}`
  }

  #apply(committed: readonly Entry[]): void {
    if (committed.length === 0) return
    for (const entry of committed)
      if (entry.kind === 'command') this.#applied.push(new TextDecoder().decode(entry.data))
    this.#tell(`applies ${committed.map(entryText).join(', ')}`)
    this.handle({ kind: 'applied', index: committed.at(-1)!.index })
  }

  #restore({ data }: Snapshot): void {
    this.#applied = data.byteLength === 0 ? [] : new TextDecoder().decode(data).split(' ')
  }
}
