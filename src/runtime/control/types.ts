/**
 * What a command and a running node say to each other: one JSON value a line, over a Unix socket in the data folder.
 *
 *     → { id, call, params }      ← { id, item } …  then  { id, done: result }  or  { id, error }
 *     → { id, cancel: true }      or the end of the connection, which cancels whatever it had asked for
 */
export type Request = { id: number; call: string; params: unknown } | { id: number; cancel: true }

export type Response = { id: number } & ({ item: unknown } | { done: unknown } | { error: ErrorShape })

/** `MeshError.toJSON()`: class, code and message, never a stack. */
export interface ErrorShape {
  name: string
  code: string
  message: string
  retryable: boolean
  details?: Record<string, unknown>
}

/**
 * Answers one call: with a value, or with a stream of items. `params` is whatever the caller sent: check it. What
 * comes out must be JSON. `signal` aborts when the caller cancels or is gone.
 */
export type Operation = (params: unknown, signal: AbortSignal) => unknown | Promise<unknown> | AsyncIterable<unknown>

export type Operations = Readonly<Record<string, Operation>>

/** Bytes of one line: a message of 16 MiB and its JSON quoting. */
export const MAX_LINE = 64 * 2 ** 20
/** Calls that one connection may have under way: a command has one. */
export const MAX_CALLS = 256
