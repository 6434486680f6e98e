import type { Operation } from '../../../scripts/simulate/linearizability/history.ts'

export interface Making {
  readonly operations: number
  /** Under way at a time. */
  readonly clients: number
  /** Few values are written often, many are written once. */
  readonly values: number
  /** Share of outcomes that nobody learns. */
  readonly unknown: number
  /** Share of compare-and-sets. */
  readonly cas: number
}

/** What clients of a real register saw: each operation takes effect at some time between its start and its end. */
export function madeUp(making: Making, random: () => number): Operation[] {
  const { operations, clients, values, unknown, cas } = making
  const below = (bound: number): number => Math.floor(random() * bound)
  // One event at a time: a client begins, its operation takes effect, the client learns of it.
  const under: { operation: Operation; done: boolean }[] = []
  const history: Operation[] = []
  let [time, begun, state] = [0, 0, null as unknown]
  while (begun < operations || under.length > 0) {
    time++
    if (begun < operations && (under.length === 0 || (under.length < clients && random() < 0.5))) {
      const value = below(values)
      const kind = random()
      const common = { client: below(clients), key: 'k', start: time, end: null }
      if (kind < cas)
        under.push({
          operation: { ...common, op: 'cas', value: [random() < 0.7 ? state : value, below(values)] },
          done: false
        })
      else if (kind < 0.5 + cas / 2) under.push({ operation: { ...common, op: 'write', value }, done: false })
      else under.push({ operation: { ...common, op: 'read' }, done: false })
      begun++
      continue
    }
    const i = below(under.length)
    const { operation, done } = under[i]!
    if (done) {
      history.push({ ...operation, end: time })
      under.splice(i, 1)
    } else if (random() < unknown) {
      if (random() < 0.5) state = effect(operation, state).state
      history.push(operation)
      under.splice(i, 1)
    } else {
      const { result, state: next } = effect(operation, state)
      state = next
      under[i] = { operation: { ...operation, result }, done: true }
    }
  }
  return history
}

function effect({ op, value }: Operation, state: unknown): { result: unknown; state: unknown } {
  if (op === 'read') return { result: state, state }
  if (op === 'write') return { result: null, state: value }
  const [expected, wanted] = value as [unknown, unknown]
  return { result: expected === state, state: expected === state ? wanted : state }
}

/** Every order of every choice of those whose outcome is unknown: for a dozen operations, with nothing taken for granted. */
export function hasAnOrder(history: readonly Operation[]): boolean {
  const failed = new Set<string>()
  const from = (taken: number, state: unknown): boolean => {
    const left = [...history.keys()].filter((i) => (taken & (1 << i)) === 0)
    const ends = left.map((i) => history[i]!.end ?? Infinity)
    const firstEnd = Math.min(...ends)
    const here = `${taken} ${state}`
    if (firstEnd === Infinity) return true
    if (failed.has(here)) return false
    failed.add(here)
    return left.some((i) => {
      const operation = history[i]!
      const { result, state: next } = effect(operation, state)
      const told = operation.end === null || operation.op === 'write' || result === operation.result
      return operation.start <= firstEnd && told && from(taken | (1 << i), next)
    })
  }
  return from(0, null)
}
