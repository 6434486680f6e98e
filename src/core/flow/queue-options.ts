import { MeshError } from '../../../protocols/errors.ts'
import type { QueueLimits } from './watermarks.ts'

/** What a caller may say of a queue; the rest is filled in. */
export interface QueueOptions {
  highWatermark?: number | undefined
  lowWatermark?: number | undefined
  maxQueue?: { messages?: number | undefined; bytes?: number | undefined } | undefined
}

/** Watermarks left out keep their place below a bound that is lower than theirs. Throws `ERR_CONFIG` naming the key. */
export function queueLimitsOf(options: QueueOptions, defaults: QueueLimits): QueueLimits {
  const given = options.maxQueue ?? {}
  if (Object(given) !== given) throw refuse('maxQueue', 'not an object')
  for (const key of Object.keys(given)) {
    if (key !== 'messages' && key !== 'bytes') throw refuse(`maxQueue.${key}`, 'not supported')
  }
  const { messages = defaults.maxQueue.messages, bytes = defaults.maxQueue.bytes } = given
  const highWatermark = options.highWatermark ?? Math.min(defaults.highWatermark, messages)
  const lowWatermark = options.lowWatermark ?? Math.min(defaults.lowWatermark, Math.floor(highWatermark / 4))
  whole('maxQueue.messages', messages, 1)
  whole('maxQueue.bytes', bytes, 1)
  whole('highWatermark', highWatermark, 1)
  whole('lowWatermark', lowWatermark, 0)
  if (highWatermark > messages) throw refuse('highWatermark', 'above maxQueue.messages')
  if (lowWatermark >= highWatermark) throw refuse('lowWatermark', 'not below highWatermark')
  return { highWatermark, lowWatermark, maxQueue: { messages, bytes } }
}

function whole(key: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) throw refuse(key, `${value} is not a whole number from ${least}`)
}

function refuse(key: string, why: string): MeshError {
  return new MeshError('ERR_CONFIG', `${key}: ${why}`, { details: { key } })
}
