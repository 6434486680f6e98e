import { pino } from 'pino'

export type Log = (fields: { kind: string }) => void

/** What is worth a warning; the rest is told at the level of information. */
const WARNINGS = new Set([
  'refused',
  'dropped',
  'overflow',
  'slow-consumer',
  'circuit-opened',
  'bootstrap-failed',
  'lost'
])

/** A log of events, one JSON object a line on standard error, so that it never mixes with a program's output. */
export function createLog(node: string): Log {
  const logger = pino({ base: { node } }, pino.destination({ dest: 2, sync: true }))
  return (event) => {
    if (WARNINGS.has(event.kind)) logger.warn(event, event.kind)
    else logger.info(event, event.kind)
  }
}
