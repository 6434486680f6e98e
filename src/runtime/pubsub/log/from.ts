import type { Beginning } from '../../../../protocols/publish-subscribe/messages.ts'
import type { SubscribeOptions } from '../types.ts'

/** Where a subscription begins in each publisher's log, or in one's. */
export interface From {
  kind: 'now' | 'start' | 'time' | 'sequence'
  value: number
  /** The only one of whom `kind` speaks; the others are read from now on. */
  publisher: string | undefined
}

export function fromOf(from: SubscribeOptions['from']): From {
  if (from === undefined || from === 'now' || from === 'start') {
    return { kind: from ?? 'now', value: 0, publisher: undefined }
  }
  const publisher = from.publisher?.toString()
  if (from.sequence !== undefined) return { kind: 'sequence', value: from.sequence, publisher }
  return { kind: 'time', value: Math.max(0, Math.floor(Number(from.time))), publisher }
}

/**
 * Where to begin with a publisher that nothing is known of. `late`: it came after the subscription was `created`, so that
 * what it has published since then is wanted, as far as clocks agree on it.
 */
export function beginningWith(
  publisher: string,
  { kind, value, publisher: only }: From,
  created: number,
  late: boolean
): { beginning: Beginning; value: number } {
  const meant = only === undefined || only === publisher ? kind : 'now'
  if (meant !== 'now') return { beginning: meant, value }
  return late ? { beginning: 'time', value: created } : { beginning: 'now', value: 0 }
}
