/** An agent as the `source` of its messages: `phoenix://<PeerId>/<name>`, the name percent-encoded. */
export function sourceOf(peer: string, agent: string): string {
  return `phoenix://${peer}/${encodeURIComponent(agent)}`
}

/** The agent's name in a source; the whole source where it is none of ours. */
export function agentOf(source: string): string {
  if (!source.startsWith('phoenix://')) return source
  const name = source.slice(source.indexOf('/', 10) + 1)
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
