import { performance } from 'node:perf_hooks'

/**
 * How busy this process is: the share of time since the last call that its event loop spent working, 0 to 1. Near 1 the
 * loop has no idle moment left, which is when everything on the node begins to wait.
 */
export function eventLoopLoad(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  }
}
