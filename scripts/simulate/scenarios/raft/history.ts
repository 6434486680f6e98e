import type { Entry } from '../../../../src/core/consensus/types.ts'
import { check } from '../../linearizability/check.ts'
import type { Operation } from '../../linearizability/history.ts'
import { verdictText } from '../../linearizability/report.ts'
import type { Play } from '../../play.ts'
import { asked, type Command } from './commands.ts'
import type { Applied, Register } from './register.ts'

/** Configurations of a search: a hundred times what histories of this length take that are linearizable. */
const LIMIT = 200_000

interface Proposed {
  readonly term: number
  readonly operation: Operation
}

interface Read {
  readonly reader: string
  readonly operation: Operation
  /** Undefined until the leader has said it: what has to be applied before the read is served. */
  index: number | undefined
}

/** What clients asked and were told, in the order in which it happened. */
export class History {
  /** Counts starts and ends: no two fall together. */
  #time = 0
  #clients = 0
  readonly #ended: Operation[] = []
  /** Of each node, by index: what was proposed to it and has no outcome. */
  readonly #proposed = new Map<string, Map<number, Proposed>>()
  readonly #reads = new Map<number, Read>()

  #begin(): Pick<Operation, 'client' | 'start' | 'end'> {
    return { client: ++this.#clients, start: ++this.#time, end: null }
  }

  #end(operation: Operation, result: unknown): void {
    this.#ended.push({ ...operation, end: ++this.#time, result })
  }

  /** `propose` gives where it stands, or undefined where it was refused: that has no effect. */
  proposes(
    node: string,
    commands: readonly Command[],
    propose: () => { index: number; term: number } | undefined
  ): void {
    const operations = commands.map((command) => ({ ...this.#begin(), ...asked(command) }))
    const accepted = propose()
    if (accepted === undefined) return
    const waiting = this.#proposed.get(node) ?? new Map<number, Proposed>()
    this.#proposed.set(node, waiting)
    const { index, term } = accepted
    for (const [i, operation] of operations.entries()) {
      // What stood there before was cut off, or has another outcome that its client will not hear of.
      this.givesUp(node, index + i)
      waiting.set(index + i, { term, operation })
    }
  }

  /** Another entry in its place tells for sure that it never takes effect. */
  applied(node: string, { index, term }: Entry, { done, found }: Applied, register: Register): void {
    const waiting = this.#proposed.get(node)
    const proposed = waiting?.get(index)
    if (proposed?.term === term) {
      const { operation } = proposed
      // Who missed what it expected is told what is there instead: it has read.
      if (done) this.#end(operation, true)
      else this.#end({ ...operation, op: 'read', value: undefined }, found)
    }
    waiting?.delete(index)
    this.#serve(node, register)
  }

  /** What a snapshot stands for has no outcome here. */
  restored(node: string, register: Register): void {
    for (const index of this.#proposed.get(node)?.keys() ?? []) if (index <= register.index) this.givesUp(node, index)
    this.#serve(node, register)
  }

  /** A client that waits no longer: it does not know. */
  givesUp(node: string, index: number): void {
    const waiting = this.#proposed.get(node)
    const proposed = waiting?.get(index)
    if (proposed !== undefined) this.#ended.push(proposed.operation)
    waiting?.delete(index)
  }

  crashed(node: string): void {
    for (const index of this.#proposed.get(node)?.keys() ?? []) this.givesUp(node, index)
    for (const [context, { reader }] of this.#reads) if (reader === node) this.#reads.delete(context)
  }

  readBegins(context: number, reader: string, key: string): void {
    this.#reads.set(context, { reader, operation: { ...this.#begin(), op: 'read', key }, index: undefined })
  }

  /** `registerOf` gives that of a node that is up. */
  readConfirmed(context: number, index: number, registerOf: (node: string) => Register | undefined): void {
    const read = this.#reads.get(context)
    if (read === undefined) return
    read.index = index
    const register = registerOf(read.reader)
    if (register === undefined) this.#reads.delete(context)
    else this.#serve(read.reader, register)
  }

  readAbandoned(context: number): void {
    this.#reads.delete(context)
  }

  #serve(node: string, register: Register): void {
    for (const [context, { reader, operation, index }] of this.#reads) {
      if (reader !== node || index === undefined || index > register.index) continue
      this.#end(operation, register.get(operation.key))
      this.#reads.delete(context)
    }
  }

  /** Of what is still under way nobody knows the outcome. */
  judge(play: Play): void {
    for (const node of this.#proposed.keys()) this.crashed(node)
    for (const verdict of check(this.#ended, LIMIT)) {
      const story = { verdict: verdictText(verdict) }
      play.must(verdict.answer !== 'undecided', 'every history of a key is judged', story)
      play.must(verdict.answer === 'linearizable', 'linearizability: some order explains what clients saw', story)
    }
  }
}
