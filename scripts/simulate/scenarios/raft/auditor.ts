import type { Status } from '../../../../src/core/consensus/raft.ts'
import type { Write } from '../../../../src/core/consensus/ready.ts'
import type { Configuration, Entry, Snapshot } from '../../../../src/core/consensus/types.ts'
import type { Play } from '../../play.ts'
import { type Register, textOf } from './register.ts'

/** A node's log as it has told its disk. */
interface Log {
  start: number
  terms: number[]
  /** Those that stand in it, by index, after that of its snapshot. */
  configurations: { index: number; configuration: Configuration }[]
  commit: number
  /** As of the last step; `led`: the latest one that it has led since it started, `leads` whether it does. */
  term: number
  led: number
  leads: boolean
}

/** Sees everything, and holds it against the guarantees of the thesis (figure 3.2) after every step. */
export class Auditor {
  /** The greatest index that any node has known to be committed. */
  committed = 0
  confirmed = 0
  readonly #play: Play
  readonly #logs = new Map<string, Log>()
  /** Of each term. */
  readonly #leaders = new Map<number, string>()
  /** What stands under an index and a term anywhere, and the term before it. */
  readonly #entries = new Map<string, string>()
  /** The terms of committed entries. */
  readonly #terms: number[] = [0]
  /** The state after each entry. */
  readonly #hashes: number[] = []
  /** What was committed when each read began. */
  readonly #reads = new Map<number, number>()

  constructor(play: Play) {
    this.#play = play
  }

  started(node: string, { index, term, configuration }: Snapshot, entries: readonly Entry[]): void {
    const configurations = [{ index, configuration }]
    const before = { term: 0, led: 0, leads: false }
    const log: Log = { start: index, terms: [term], configurations, commit: index, ...before }
    for (const entry of entries) if (entry.index > index) add(log, entry)
    this.#logs.set(node, log)
  }

  writes(node: string, { snapshot, entries, hardState }: Write): void {
    const log = this.#logs.get(node)!
    if (snapshot !== undefined) {
      const story = { node, index: snapshot.index, commit: log.commit }
      this.#play.must(snapshot.index > log.commit, 'no snapshot takes the place of what is committed', story)
      this.started(node, snapshot, [])
    }
    const now = this.#logs.get(node)!
    const { start, terms, configurations } = now
    const first = entries[0]
    if (first === undefined) return
    const details = { node, index: first.index, commit: log.commit }
    this.#play.must(first.index > log.commit, 'what is committed is not cut off', details)
    const still = (hardState?.term ?? log.term) === log.led
    this.#play.must(
      !still || first.index > start + terms.length - 1,
      'leader append-only: it takes nothing back',
      details
    )
    terms.length = first.index - start
    now.configurations = configurations.filter(({ index }) => index < first.index)
    for (const entry of entries) {
      this.#matches(entry, terms.at(-1)!)
      add(now, entry)
    }
  }

  /** By induction over the terms before, all earlier entries are the same too. */
  #matches(entry: Entry, before: number): void {
    const key = `${entry.index}/${entry.term}`
    const text = `${before}: ${textOf(entry)}`
    const known = this.#entries.get(key) ?? text
    this.#entries.set(key, text)
    this.#play.must(known === text, 'log matching: one index and term, one entry after one other', { key, known, text })
  }

  stands({ id, role, term, commit, last, configuration }: Status, life: number): void {
    const log = this.#logs.get(id)!
    this.#play.must(commit >= log.commit, 'what is known to be committed stays so', { id, commit, known: log.commit })
    const latest = log.configurations.at(-1)!.configuration
    this.#play.must(configuration === latest, 'the latest configuration of the log counts', {
      id,
      configuration,
      latest
    })
    this.#play.must(commit <= last, 'what is committed is there', { id, commit, last })
    for (let index = Math.max(log.commit, log.start) + 1; index <= commit; index++) this.#commits(id, term, index, log)
    log.commit = Math.max(log.commit, commit)
    log.term = term
    log.leads = role === 'leader'
    if (!log.leads) return
    log.led = term
    const leader = `${id} in life ${life}`
    const known = this.#leaders.get(term)
    this.#play.must((known ?? leader) === leader, 'election safety: one leader a term', { term, known, leader })
    if (known !== undefined) return
    this.#leaders.set(term, leader)
    for (let index = log.start + 1; index <= this.committed; index++) {
      const story = { leader, term, index, is: log.terms[index - log.start], committed: this.#terms[index] }
      this.#play.must(story.is === story.committed, 'leader completeness: what is committed stays', story)
    }
  }

  #commits(node: string, now: number, index: number, log: Log): void {
    const term = log.terms[index - log.start]!
    if (this.#terms[index] === undefined) this.#areLed(now, index, term)
    this.#terms[index] ??= term
    const story = { node, index, term, known: this.#terms[index] }
    this.#play.must(story.known === term, 'state machine safety: one entry is committed at an index', story)
    this.committed = Math.max(this.committed, index)
  }

  /** Who leads in a later term already has what is committed now. */
  #areLed(now: number, index: number, term: number): void {
    for (const [leader, { leads, term: later, start, terms }] of this.#logs) {
      if (!leads || later <= now || index <= start) continue
      const is = terms[index - start]
      this.#play.must(is === term, 'leader completeness: what is committed stays', { leader, later, index, term, is })
    }
  }

  handsOut(node: string, committed: readonly Entry[], onDisk: readonly Entry[]): void {
    for (const entry of committed) {
      const there = onDisk[entry.index - (onDisk[0]?.index ?? 0)]
      const holds = there?.index === entry.index && there.term === entry.term
      this.#play.must(holds, 'what is applied is on the own disk', { node, index: entry.index, term: entry.term })
    }
  }

  applied(node: string, entry: Entry, register: Register): void {
    const log = this.#logs.get(node)!
    const details = { node, index: entry.index, commit: log.commit }
    this.#play.must(entry.index <= log.commit, 'only what is committed is applied', details)
    this.restored(node, register)
  }

  restored(node: string, { index, hash }: Register): void {
    this.#hashes[index] ??= hash
    const story = { node, index, hash, known: this.#hashes[index] }
    this.#play.must(story.known === hash, 'state machine safety: the same state after the same entry', story)
  }

  readBegins(context: number): void {
    this.#reads.set(context, this.committed)
  }

  readConfirmed(context: number, index: number): void {
    const committed = this.#reads.get(context)
    this.#play.must(committed !== undefined, 'a read is answered once', { context })
    this.#play.must(index >= committed!, 'a read sees what was committed when it began', { context, index, committed })
    this.#reads.delete(context)
    this.confirmed++
  }

  readAbandoned(context: number): void {
    this.#play.must(this.#reads.delete(context), 'a read is answered once', { context })
  }
}

function add(log: Log, entry: Entry): void {
  const { index, term } = entry
  log.terms.push(term)
  if (entry.kind === 'configuration') log.configurations.push({ index, configuration: entry.configuration })
}
