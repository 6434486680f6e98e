import assert from 'node:assert/strict'
import { RETRY_BASE, RETRY_MOST, retryDelay } from '../../../src/core/delivery/retry.ts'

const delays = (strategy: 'fixed' | 'linear' | 'exponential', random: number): number[] =>
  [1, 2, 3, 4, 20, 2_000].map((attempts) => retryDelay(strategy, attempts, () => random))

describe('retry delays', () => {
  it('stay, rise by steps, or double, and never pass the most', () => {
    assert.deepEqual(delays('fixed', 0.5), Array(6).fill(RETRY_BASE))
    assert.deepEqual(delays('linear', 0.5), [100, 200, 300, 400, 2_000, RETRY_MOST])
    assert.deepEqual(delays('exponential', 1), [100, 200, 400, 800, RETRY_MOST, RETRY_MOST])
  })

  it('have full jitter where they double: anything from nothing up', () => {
    assert.deepEqual(delays('exponential', 0), [0, 0, 0, 0, 0, 0])
    assert.deepEqual(delays('exponential', 0.25), [25, 50, 100, 200, 1_250, 1_250])
  })
})
