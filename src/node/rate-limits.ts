import { MeshError } from '../../protocols/errors.ts'
import { MAX_ID_BYTES, MAX_KEY_BYTES, MAX_TOKENS } from '../../protocols/rate-limits/constants.ts'
import { checkWait } from '../agent/options.ts'
import type { Rates } from '../runtime/rates/rates.ts'
import type { RateLimits } from '../runtime/rates/types.ts'

/** `node.rateLimits`: what a caller gave, checked where it enters. `running` throws where the node is not. */
export function rateLimits(rates: Rates, running: () => void): RateLimits {
  return {
    create: (id, options) => {
      running()
      checkId(id)
      if (typeof options !== 'object' || options === null)
        throw wrong('options', 'an object with capacity and refillRate')
      const { capacity, refillRate, burst = 0, distributed = false, ...unknown } = options
      if (!isTokens(capacity, 1)) throw wrong('capacity', `a whole number from 1 to ${MAX_TOKENS}`)
      if (!isTokens(burst, 0)) throw wrong('burst', `a whole number from 0 to ${MAX_TOKENS}`)
      if (typeof refillRate !== 'number' || !(refillRate > 0) || refillRate > MAX_TOKENS) {
        throw wrong('refillRate', `a number of tokens a second above 0, up to ${MAX_TOKENS}`)
      }
      if (typeof distributed !== 'boolean') throw wrong('distributed', 'true or false')
      for (const key of Object.keys(unknown)) throw wrong(key, 'left out: a rate limit has no such option')
      return rates.create({ id, capacity, refillRate, burst, distributed })
    },
    acquire: async (id, tokens = 1, options = {}) => {
      running()
      checkId(id)
      if (typeof options !== 'object' || options === null) throw wrong('options', 'an object, or left out')
      checkWait(options)
      const { key, wait, signal: _signal, timeout: _timeout, ...unknown } = options
      if (!isTokens(tokens, 1)) throw wrong('tokens', 'a whole number from 1 on')
      if (key !== undefined && !isText(key, MAX_KEY_BYTES))
        throw wrong('key', `a text of at most ${MAX_KEY_BYTES} bytes`)
      if (wait !== undefined && typeof wait !== 'boolean') throw wrong('wait', 'true or false')
      for (const key of Object.keys(unknown)) throw wrong(key, 'left out: acquire has no such option')
      return rates.acquire(id, tokens, options)
    },
    get: (id) => rates.get(id),
    remove: (id) => rates.remove(id)
  }
}

function checkId(id: unknown): void {
  if (id === '' || !isText(id, MAX_ID_BYTES)) throw wrong('id', `a text of 1 to ${MAX_ID_BYTES} bytes`)
}

function isText(value: unknown, limit: number): boolean {
  return typeof value === 'string' && value.isWellFormed() && Buffer.byteLength(value) <= limit
}

function isTokens(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= MAX_TOKENS
}

function wrong(key: string, must: string): MeshError {
  return new MeshError('ERR_CONFIG', `${key} must be ${must}`, { details: { key } })
}
