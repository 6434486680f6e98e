import { MeshError } from '../errors.ts'
import { fromCloudEvent, toCloudEvent } from './cloudevents.ts'
import { parsePlain, utf8 } from './json.ts'
import type { Format, Message } from './message.ts'
import { pack, unpack } from './messagepack.ts'
import { receivedTrace } from './trace.ts'
import { attributesOf, invalid, validateMessage } from './validate.ts'

/**
 * A whole message in a named format: for files, HTTP, tests, and every place but a link, which has a binary header.
 *
 * - `'messagepack'`: a map of the message's attributes
 * - `'json'`: the CloudEvents JSON event format (`application/cloudevents+json`)
 *
 * Throws `ERR_INVALID_MESSAGE` naming the attribute, `ERR_UNREPRESENTABLE` with `details.path` (`$` is the message),
 * `ERR_UNSUPPORTED` naming a format that this build has not.
 *
 * @example
 * decode(encode(message, 'json'), 'json')      // deepEqual to message
 */
export function encode(message: Message, format: Format): Uint8Array {
  switch (format) {
    case 'messagepack': {
      const attributes = attributesOf(message)
      validateMessage(attributes)
      if (attributes['data'] === undefined) delete attributes['data']
      return pack(attributes)
    }
    case 'json':
      return utf8(JSON.stringify(toCloudEvent(message)))
    default:
      throw unsupported(format)
  }
}

/**
 * The message that `bytes` are, all of them; it shares no memory with them. A trace that cannot be read is no trace.
 *
 * Throws `ERR_MALFORMED` for what is not in the format at all, `ERR_INVALID_MESSAGE` for what is no message, and
 * `ERR_UNSUPPORTED`.
 */
export function decode(bytes: Uint8Array, format: Format): Message {
  if (!(bytes instanceof Uint8Array)) throw new MeshError('ERR_MALFORMED', 'a whole message is a Uint8Array')
  switch (format) {
    case 'messagepack':
      return fromMap(unpack(bytes.slice()))
    case 'json': {
      const event = parsePlain(bytes)
      if (typeof event !== 'object' || event === null || Array.isArray(event)) {
        throw invalid('specversion', 'an event is an object')
      }
      return fromCloudEvent(event)
    }
    default:
      throw unsupported(format)
  }
}

function fromMap(value: unknown): Message {
  if (typeof value !== 'object' || value === null) throw invalid('specversion', 'a message is a map')
  const message = value as Record<string, unknown> & { trace?: { traceparent?: unknown; tracestate?: unknown } | null }
  if (!('data' in message)) message['data'] = undefined
  if ('trace' in message) {
    const trace = receivedTrace(message.trace?.traceparent, message.trace?.tracestate)
    if (trace === undefined) delete message['trace']
    else message['trace'] = trace
  }
  return validateMessage(message)
}

function unsupported(format: string): MeshError {
  return new MeshError('ERR_UNSUPPORTED', `the format ${format} is not built`, { details: { format } })
}
