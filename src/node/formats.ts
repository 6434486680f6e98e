import type { NodeConfig } from './config.ts'

/** The format to write, the first that both ends know: JSON first for whoever wants to read along. */
export function preferredFormats({ debug, formats }: NodeConfig): NodeConfig['formats'] {
  return debug && formats.includes('json') ? ['json', ...formats.filter((format) => format !== 'json')] : formats
}
