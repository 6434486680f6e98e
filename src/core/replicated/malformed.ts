import { MeshError } from '../../../protocols/errors.ts'

/** What a part throws for a command or a question that is none of its own. */
export function malformed(what: string): MeshError {
  return new MeshError('ERR_MALFORMED', what)
}

export type Fields = Readonly<Record<string, unknown>>

/** The members of a command. Throws `ERR_MALFORMED` for what has none. */
export function fieldsOf(command: unknown): Fields {
  if (typeof command === 'object' && command !== null) return command as Fields
  throw malformed('neither a command nor a question')
}

export function textOf(value: unknown, name: string): string {
  if (typeof value === 'string') return value
  throw malformed(`${name} is no text`)
}

/** A whole number that is at least `least`. */
export function wholeOf(value: unknown, name: string, least = 0): number {
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number
  throw malformed(`${name} is no whole number from ${least} on`)
}

export function listOf(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw malformed(`${name} is no list`)
}
