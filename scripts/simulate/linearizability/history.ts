/** One operation of one client on one key, as its client saw it: a line of a history. */
export interface Operation {
  readonly client: string | number
  readonly op: 'read' | 'write' | 'cas'
  readonly key: string
  /** What was written, of a compare-and-set `[expected, new]`. Null stands for nothing there, as it is in the beginning. */
  readonly value?: unknown
  /** Of one clock for all clients, monotonic, in any unit. */
  readonly start: number
  /**
   * Null where the outcome is unknown (a time-out, a crash): it takes effect at any time after `start`, or never. What
   * surely had no effect is left out of a history.
   */
  readonly end: number | null
  /** What was read, or whether a compare-and-set found what it expected; otherwise of no meaning. */
  readonly result?: unknown
}

/** Reads JSON lines; empty ones are passed over. Throws a `SyntaxError` that names the line. */
export function parseHistory(text: string): Operation[] {
  const history: Operation[] = []
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const operation = parsed(line)
    const fault = faultOf(operation)
    if (fault !== undefined) throw new SyntaxError(`line ${i + 1}: ${fault}`)
    history.push({ ...(operation as Operation), end: (operation as Operation).end ?? null })
  }
  return history
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function faultOf(candidate: unknown): string | undefined {
  if (typeof candidate !== 'object' || candidate === null) return 'no JSON object'
  const { op, key, value, start, end, result } = candidate as Record<string, unknown>
  if (op !== 'read' && op !== 'write' && op !== 'cas') return '`op` is none of read, write, cas'
  if (typeof key !== 'string') return '`key` is no string'
  if (typeof start !== 'number') return '`start` is no number'
  if (end !== undefined && end !== null && !(typeof end === 'number' && end >= start))
    return '`end` is neither null nor a number from `start` on'
  if (op === 'cas' && !(Array.isArray(value) && value.length === 2)) return '`value` of a cas is not [expected, new]'
  if (op === 'cas' && typeof end === 'number' && typeof result !== 'boolean') return '`result` of a cas is no boolean'
  return undefined
}
