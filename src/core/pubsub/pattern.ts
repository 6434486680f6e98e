/** Whether a valid pattern matches a valid topic: for one pattern; many are matched by a trie. */
export function matches(pattern: string, topic: string): boolean {
  if (pattern === '>' || pattern === topic) return true
  return covers(pattern, topic)
}

/** Whether `wide` matches every topic that `narrow` matches. Both are valid patterns; a topic is one that matches itself. */
export function covers(wide: string, narrow: string): boolean {
  const inner = narrow.split('.')
  const outer = wide.split('.')
  for (const [i, token] of outer.entries()) {
    const one = inner[i]
    if (one === undefined) return false
    if (token === '>') return true
    if (one === '>' || (token !== '*' && token !== one)) return false
  }
  return inner.length === outer.length
}
