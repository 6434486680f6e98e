import type { Verdict } from './check.ts'
import type { Operation } from './history.ts'

/** Characters of a bar that stands for the time from the first start to the last end. */
const WIDTH = 40

/** Each operation with a bar of when it was under way. */
export function verdictText({ key, operations, answer, example }: Verdict): string {
  const head = `key ${key}, ${operations} operations: ${answer}`
  if (example === undefined) return head
  const times = example.operations.flatMap(({ start, end }) => [start, end ?? start])
  const span = [Math.min(...times), Math.max(...times)] as const
  const lines = example.operations.map((operation) => `  |${bar(operation, span)}| ${operationText(operation)}`)
  const origins = example.writers.map((operation) => `  before or beside: ${operationText(operation)}`)
  return [`${head}; no order fits these, whatever the others did:`, ...lines, ...origins].join('\n')
}

function operationText({ client, op, value, start, end, result }: Operation): string {
  const text = (item: unknown): string => JSON.stringify(item ?? null)
  const until = end === null ? 'unknown' : end
  const outcome = end === null ? '' : op === 'read' ? ` → ${text(result)}` : op === 'cas' ? ` → ${text(result)}` : ''
  const asked = op === 'read' ? '' : op === 'cas' ? ` ${(value as unknown[]).map(text).join(' ⇒ ')}` : ` ${text(value)}`
  return `client ${client}: ${op}${asked}${outcome}   [${start}, ${until}]`
}

function bar({ start, end }: Operation, [first, last]: readonly [number, number]): string {
  const scale = (time: number): number => Math.round(((time - first) / Math.max(1, last - first)) * (WIDTH - 1))
  const from = Math.max(0, scale(start))
  const to = end === null ? WIDTH - 1 : scale(end)
  return (' '.repeat(from) + '─'.repeat(Math.max(1, to - from + 1))).padEnd(WIDTH)
}
