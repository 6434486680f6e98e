import type { Clock } from '../ports.ts'

/** The machine's own time. Timers are unreferenced, so that a waiting mesh never keeps a finished program alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    // Node fires at once past 2³¹ − 1 ms instead of waiting: a wait of 24 days is as good as for ever.
    const timer = setTimeout(fn, Math.min(ms, 2 ** 31 - 1))
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  endOfTurn: (fn) => {
    setImmediate(fn)
  }
}
