import type { Operation } from '../../linearizability/history.ts'

/** What a client asks of a key: to write it, or to do so only where a value is there. Null stands for nothing there. */
export type Command =
  | readonly [op: 'write', key: string, value: number]
  | readonly [op: 'cas', key: string, expected: number | null, value: number]

export function encode(command: Command): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(command))
}

export function decode(data: Uint8Array): Command {
  return JSON.parse(new TextDecoder().decode(data))
}

export function asked(command: Command): Pick<Operation, 'op' | 'key' | 'value'> {
  const [op, key, first, second] = command
  return { op, key, value: op === 'write' ? first : [first, second] }
}
