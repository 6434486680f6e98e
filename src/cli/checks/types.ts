import type { NodeConfig } from '../../node/config.ts'

/** What was looked at, what was found, and what to do about it. */
export interface Finding {
  check: string
  status: 'ok' | 'warning' | 'failure'
  found: string
  /** What to do; '' where nothing is to be done. */
  remedy: string
}

/** Looks at one thing and never throws for what it looks at. */
export type Check = (config: NodeConfig, signal: AbortSignal) => Finding[] | Promise<Finding[]>

export const ok = (check: string, found: string): Finding => ({ check, status: 'ok', found, remedy: '' })
export const warning = (check: string, found: string, remedy: string): Finding => ({
  check,
  status: 'warning',
  found,
  remedy
})
export const failure = (check: string, found: string, remedy: string): Finding => ({
  check,
  status: 'failure',
  found,
  remedy
})

export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: string }
  return [code, message ?? String(error)].filter((part) => part !== undefined).join(': ')
}
