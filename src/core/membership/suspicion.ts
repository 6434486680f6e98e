/**
 * How long a member stays suspect: the more members suspect it independently, the shorter, so that one node with a bad
 * link cannot bury another quickly, and the truly dead go fast (Lifeguard, section IV-B; memberlist `suspicion.go`).
 *
 * @param confirmations accusers beyond the first
 * @param expected confirmations after which the wait is `min`; 0 where nobody else could confirm
 */
export function suspicionTimeout(confirmations: number, expected: number, min: number, max: number): number {
  if (expected < 1) return min
  const fraction = Math.log(confirmations + 1) / Math.log(expected + 1)
  return Math.max(min, max - fraction * (max - min))
}
