import type { ComponentLogger, Logger } from '@libp2p/interface'

const silent: Logger = Object.assign(() => {}, {
  enabled: false,
  trace: () => {},
  error: () => {},
  newScope: () => silent
})

/**
 * libp2p makes loggers for every connection and stream, whether anybody listens or not, and each asks anew whether the
 * standard error is a terminal: 3 % of what joining costs. With `DEBUG` set they are what they are elsewhere.
 */
export function quietly(): { logger?: ComponentLogger } {
  return process.env.DEBUG === undefined ? { logger: { forComponent: () => silent } } : {}
}
