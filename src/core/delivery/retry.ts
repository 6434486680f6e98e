import type { RetryStrategy } from '../../../protocols/envelope/message.ts'
import type { Random } from '../machine.ts'

/** How a message that was not acknowledged is tried again. */
export interface RetryPolicy {
  strategy: RetryStrategy
  maxRetries: number
}

/** ms before the first retry (a guess: a link that was reset is open again by then), and at most before any. */
export const RETRY_BASE = 100
export const RETRY_MOST = 5_000

/**
 * ms to wait before attempt `attempts + 1`. Exponential has full jitter ("Exponential Backoff And Jitter", AWS
 * Architecture Blog 2015): uniform between nothing and the doubled delay, so that senders who failed together do not
 * come back together.
 */
export function retryDelay(strategy: RetryStrategy, attempts: number, random: Random): number {
  switch (strategy) {
    case 'fixed':
      return RETRY_BASE
    case 'linear':
      return Math.min(RETRY_MOST, RETRY_BASE * attempts)
    case 'exponential':
      return Math.min(RETRY_MOST, RETRY_BASE * 2 ** (attempts - 1)) * random()
  }
}
