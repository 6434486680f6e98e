import { isVoter } from './configuration.ts'
import { replicate } from './replication.ts'
import type { State } from './state.ts'

/** Hands leadership to another voter (thesis 3.10): no proposal is taken until it has the log, or an election's time is over. */
export function transferTo(state: State, to: string): boolean {
  const progress = state.progress.get(to)
  if (progress === undefined || !isVoter(state.configuration, to)) return false
  state.transfer = { to, ticks: state.options.electionTicks }
  replicate(state, to, progress)
  handOver(state)
  return true
}

/** Once it has all of the log, the heir need not wait for its election timer. */
export function handOver(state: State): void {
  const { transfer } = state
  if (transfer === undefined || state.progress.get(transfer.to)?.match !== state.log.last) return
  state.sendAtOnce(transfer.to, { kind: 'timeout-now' })
  // However late it comes, it overrides what followers have promised: no lease in this term (thesis 6.4.1).
  state.forced = true
}
