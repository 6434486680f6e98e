/** Keys of the API that this build does not have yet: named as such, so that nobody takes them for a slip of the pen. */
const NOT_BUILT = new Set([
  'transports.quic',
  'transports.http2',
  'transports.datagram',
  'transports.erlang',
  'overlay',
  'authority',
  'privateNetwork',
  'relay',
  'nat',
  'observability'
])

/** What is wrong with a key that the schema does not have, given those that it has beside it. */
export function refusedKey(key: string, known: readonly string[]): string {
  if (NOT_BUILT.has(key)) return `${key} is not supported by this build`
  const parent = key.slice(0, key.lastIndexOf('.') + 1)
  const near = nearest(key.slice(parent.length), known)
  return `${key} is not a configuration key${near === undefined ? '' : `; did you mean ${parent}${near}?`}`
}

/** The candidate that differs least, where it differs by no more than a third of its letters. */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const difference = distance(word.toLowerCase(), candidate.toLowerCase())
    if (difference < least && difference <= Math.max(1, Math.floor(candidate.length / 3))) {
      best = candidate
      least = difference
    }
  }
  return best
}

/** Levenshtein's: insertions, deletions and substitutions. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 16) return Number.POSITIVE_INFINITY
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
