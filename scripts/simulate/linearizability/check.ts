import { type CounterExample, counterExample } from './counter-example.ts'
import type { Operation } from './history.ts'
import { settled } from './outcomes.ts'
import { ABSENT, stepsOf } from './register.ts'
import { type Answer, search } from './search.ts'

export interface Verdict {
  readonly key: string
  readonly operations: number
  readonly answer: Answer
  /** Where it is not linearizable. */
  readonly example: CounterExample | undefined
}

/**
 * Judges each key by itself: a store of registers is linearizable if and only if each of them is (Herlihy & Wing, 1990;
 * Horn & Kroening, "Faster linearizability checking via P-compositionality", 2015).
 */
export function check(history: readonly Operation[], limit?: number): Verdict[] {
  const keys = new Map<string, Operation[]>()
  for (const operation of history) {
    const of = keys.get(operation.key) ?? []
    of.push(operation)
    keys.set(operation.key, of)
  }
  return [...keys].map(([key, operations]) => {
    const steps = stepsOf(operations)
    const { answer, stuck } = search(settled(steps), ABSENT, limit)
    const example = answer === 'not linearizable' ? counterExample(steps, stuck) : undefined
    return { key, operations: operations.length, answer, example }
  })
}
