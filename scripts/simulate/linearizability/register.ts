import type { Operation } from './history.ts'

/** Numbers stand for values: equal ones have one. */
export type Value = number

/** Nothing there. */
export const ABSENT: Value = 0
/** A register of which nothing is known: whatever is read first was there. */
export const ANY: Value = -1
/** Some value that nobody asks for: all such are alike. */
export const OTHER: Value = -2

/** What an operation asks of a register and was told by it. */
export interface Step {
  /** What must be there, undefined where anything may be; `otherwise`: what must not be. */
  readonly needs: Value | undefined
  readonly refuses: Value | undefined
  /** What is there afterwards, undefined where nothing changes. */
  readonly writes: Value | undefined
  readonly start: number
  /** Infinite where it may take effect at any time, or never. */
  readonly end: number
  readonly operation: Operation
}

/** The operations of one key, in the order of their starts. Reads of which nobody knows the outcome say nothing. */
export function stepsOf(history: readonly Operation[]): Step[] {
  const numbers = new Map<string, Value>([['null', ABSENT]])
  const numberOf = (value: unknown): Value => {
    const text = canonical(value)
    const number = numbers.get(text) ?? numbers.size
    numbers.set(text, number)
    return number
  }
  const steps: Step[] = []
  for (const operation of history) {
    const { op, value, start, end, result } = operation
    const common = { needs: undefined, refuses: undefined, writes: undefined, start, end: end ?? Infinity, operation }
    if (op === 'write') steps.push({ ...common, writes: numberOf(value) })
    else if (op === 'read') {
      if (end !== null) steps.push({ ...common, needs: numberOf(result) })
    } else {
      const [expected, wanted] = (value as unknown[]).map(numberOf) as [Value, Value]
      if (end !== null && result === false) steps.push({ ...common, refuses: expected })
      else steps.push({ ...common, needs: expected, writes: wanted })
    }
  }
  return steps.sort((a, b) => a.start - b.start)
}

/** What is there after a step; undefined where it cannot have been told what it was. */
export function after(state: Value, { needs, refuses, writes }: Step): Value | undefined {
  if (state !== ANY && ((needs !== undefined && needs !== state) || refuses === state)) return undefined
  return writes ?? needs ?? state
}

/** The same text for values that are deeply equal, whatever the order of their properties. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`
}
